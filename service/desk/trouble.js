// What went wrong, shown where it can be tried again; and signing in, where there are keys.

import * as api from "./api.js";
import { find } from "./dom.js";
import { text } from "./language.js";

let signingIn = null; // one promise for all that wait for the key: whether somebody signed in
let isBusy = false;

/** Do something that asks the service; show what goes wrong, and sign in first where that is it. */
export async function attempt(action) {
  find("trouble").hidden = true;
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof api.Trouble)) throw error;
    if (error.kind !== "unknown-key") return show(error, action);
  }
  if (await askForKey()) return attempt(action);
  return show(new api.Trouble("signed-out", { isPassing: true }), action);
}

/** The same for what an editor starts: one at a time, a second key press is let go. */
export async function once(action) {
  if (isBusy) return;
  isBusy = true;
  try {
    await attempt(action);
  } finally {
    isBusy = false;
  }
}

function show(error, action) {
  find("trouble-title").textContent = error.title;
  find("trouble-detail").textContent = error.message;
  find("again").textContent = text(error.kind === "signed-out" ? "sign-in" : "try-again");
  find("again").onclick = () => once(action);
  find("again").hidden = !error.isPassing;
  find("trouble").hidden = false;
  find("status").textContent = "";
}

/** Ask for a key; return whether one was given. However the dialog is closed, nobody waits for it any longer. */
function askForKey() {
  signingIn ??= new Promise((resolve) => {
    const dialog = find("sign-in");
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "signed-in"), { once: true });
    dialog.showModal();
  }).finally(() => (signingIn = null));
  return signingIn;
}

/** Make the dialog and the button work; `then` is called with who has signed in. */
export function letSignIn(then) {
  find("signing-in").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const session = await api.signIn(find("key").value.trim());
      find("key").value = find("key-fault").textContent = "";
      then(session);
      find("sign-in").close("signed-in");
    } catch (error) {
      if (!(error instanceof api.Trouble)) throw error;
      find("key-fault").textContent = error.message;
      find("key").select();
    }
  });
  find("sign-in-cancel").addEventListener("click", () => find("sign-in").close());
  find("sign-out").addEventListener("click", () => attempt(async () => {
    await api.signOut();
    sessionStorage.clear(); // what this editor saved is not the next one's to undo
    location.reload();
  }));
}

/** Show whose key it is, where there are keys. */
export function showEditor({ editor }) {
  find("editor").hidden = !editor;
  find("editor-name").textContent = editor ?? "";
}

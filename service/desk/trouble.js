// What went wrong, shown where it can be tried again; and signing in, where there are keys.

import * as api from "./api.js";
import { find } from "./dom.js";

let signingIn = null; // one promise for all that wait for the key
let signedIn;
let busy = false;

/** Do something that asks the service; show what goes wrong, and sign in first where that is it. */
export async function attempt(action) {
  find("trouble").hidden = true;
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof api.Trouble)) throw error;
    if (error.kind !== "unknown-key") return show(error, action);
  }
  await askForKey();
  return attempt(action);
}

/** The same for what an editor starts: one at a time, a second key press is let go. */
export async function once(action) {
  if (busy) return;
  busy = true;
  try {
    await attempt(action);
  } finally {
    busy = false;
  }
}

function show(error, action) {
  find("trouble-title").textContent = error.title;
  find("trouble-detail").textContent = error.message;
  find("again").onclick = () => once(action);
  find("again").hidden = error.kind === api.UNREADABLE;
  find("trouble").hidden = false;
  find("status").textContent = "";
}

function askForKey() {
  signingIn ??= new Promise((resolve) => {
    signedIn = resolve;
    find("sign-in").showModal();
  }).finally(() => (signingIn = null));
  return signingIn;
}

/** Make the dialog and the button work; `then` is called with who has signed in. */
export function letSignIn(then) {
  find("sign-in").addEventListener("cancel", (event) => event.preventDefault());
  find("signing-in").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const session = await api.signIn(find("key").value.trim());
      find("key").value = find("key-fault").textContent = "";
      find("sign-in").close();
      then(session);
      signedIn();
    } catch (error) {
      find("key-fault").textContent =
        error.kind === "unknown-key" ? "This key is not known here: it may be mistyped, or revoked." : error.message;
      find("key").select();
    }
  });
  find("sign-out").addEventListener("click", () => attempt(async () => {
    await api.signOut();
    location.reload();
  }));
}

/** Show whose key it is, where there are keys. */
export function showEditor({ editor }) {
  find("editor").hidden = !editor;
  find("editor-name").textContent = editor ?? "";
}

// What the desk knows of the model, and what is open. The other modules read it and change it.

import { newId } from "./api.js";

/** The model that answered last, by name and version; its topics by id, and how its scores become confidences. */
export const known = { model: "", topics: new Map(), calibration: {} };

/**
 * What is open:
 * - `current`: `{article, isQueued, isExample, isUnsaved, answer, topics, runs, decision, active}`, null while an
 *   article is written;
 * - `editing`: the `current` whose text is being edited, if any;
 * - `work`: the id under which unsaved work is kept as a draft;
 * - `passed`: the id of the article of the queue that was passed over.
 */
export const desk = { current: null, editing: null, work: newId(), passed: "" };

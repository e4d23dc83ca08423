// Files sent as soon as they are chosen, with their progress, without leaving the page. It goes through the same address as the
// button «Joindre», which does it without JavaScript: the server answers with the page, of which the part of the field is taken.

import { forgive } from "./errors.js";

const BYTES_MAX = 10 * 1024 * 1024;
const FAILED = "L’envoi n’a pas abouti. Vérifiez votre connexion, puis choisissez de nouveau le fichier.";
const sending = new WeakMap();

document.addEventListener("change", ({ target }) => {
  const part = target.type === "file" && target.files.length ? target.closest("[data-files]") : null;
  if (!part || isPreview(target.form)) return;
  const heavy = [...target.files].find((file) => file.size > BYTES_MAX);
  if (heavy) {
    target.value = "";
    say(target.form, `« ${heavy.name} » dépasse 10 Mo.`, part);
  } else if (!atOnce(target.form)) {
    const names = [...target.files].map((file) => file.name).join(", ");
    send(target.form, part, `attach:${part.dataset.files}`, names);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (isPreview(form)) return;
  const action = event.submitter?.name === "_action" ? event.submitter.value : "";
  const part = atOnce(form)
    ? form.querySelector("[data-files]")
    : /^(attach|remove-file):/.test(action) ? event.submitter.closest("[data-files]") : null;
  if (sending.has(form)) {
    // The page goes on once the file has come.
    event.preventDefault();
    event.stopImmediatePropagation();
    sending.get(form).then(() => event.submitter?.isConnected && form.requestSubmit(event.submitter));
  } else if (part && !form.dataset.sendPlainly) {
    event.preventDefault();
    event.stopImmediatePropagation();
    send(form, part, action, atOnce(form) ? chosen(form) : "");
  }
}, { capture: true });

// A form that analysts look at, which is sent nowhere.
function isPreview(form) {
  return form?.method === "dialog";
}

// Whether sending is the whole point of the form, and nothing is taken back afterwards: only its button sends.
function atOnce(form) {
  return form.hasAttribute("data-files-at-once");
}

function chosen(form) {
  return [...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]).map((file) => file.name).join(", ");
}

function send(form, part, action, names) {
  const before = sending.get(form) ?? Promise.resolve();
  const now = before.then(() => exchange(form, part, action, names)).finally(() => {
    if (sending.get(form) === now) sending.delete(form);
  });
  sending.set(form, now);
}

function exchange(form, part, action, names) {
  return new Promise((done) => {
    const fields = new FormData(form);
    if (action) fields.set("_action", action);
    const path = part.dataset.files;
    const call = new XMLHttpRequest();
    const bar = names ? progress(part, names, () => call.abort()) : null;
    call.responseType = "document";
    call.upload.addEventListener("progress", ({ loaded, total }) => bar?.show(loaded / total));
    call.addEventListener("load", () => {
      bar?.remove();
      if (!take(form, path, names, call)) plainly(form, part, action);
      done();
    });
    for (const end of ["error", "timeout"]) {
      call.addEventListener(end, () => {
        bar?.remove();
        say(form, FAILED, part);
        done();
      });
    }
    call.addEventListener("abort", () => {
      bar?.remove();
      part.querySelectorAll("input[type=file]").forEach((input) => { input.value = ""; });
      say(form, "Envoi annulé.");
      done();
    });
    call.open("POST", form.action);
    call.send(fields);
  });
}

// Put what the server drew in the place of what was on show; false when it answered with something else, such as signing in.
function take(form, path, names, call) {
  const answer = call.response;
  const fresh = answer?.querySelector(`[data-files="${CSS.escape(path)}"]`);
  if (!fresh) return false;
  if (atOnce(form)) {
    // The file is where it belongs: the whole page says so.
    document.querySelector("main").replaceWith(document.adoptNode(answer.querySelector("main")));
    history.replaceState(history.state, "", call.responseURL);
    document.querySelector("main").focus();
    return true;
  }
  const stale = form.querySelector(`[data-files="${CSS.escape(path)}"]`);
  const error = fresh.querySelector(".govuk-error-message");
  stale.replaceWith(document.adoptNode(fresh));
  if (!error) forgive(fresh);
  fresh.querySelector("input[type=file], [tabindex='-1']")?.focus();
  say(form, error ? error.textContent.trim() : names ? `Fichier joint : ${names}.` : "La liste des fichiers a changé.");
  form.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

// As without JavaScript: the browser sends the form and shows what comes.
function plainly(form, part, action) {
  form.dataset.sendPlainly = "yes";
  const button = document.createElement("button");
  Object.assign(button, { type: "submit", name: "_action", value: action, hidden: true, formNoValidate: true });
  form.append(button);
  // After the one under way has ended.
  setTimeout(() => form.requestSubmit(button));
}

function progress(part, names, cancel) {
  const row = document.createElement("div");
  row.className = "ville-files__progress";
  const label = document.createElement("label");
  const bar = document.createElement("progress");
  const stop = document.createElement("button");
  bar.id = `envoi-${Math.random().toString(36).slice(2)}`;
  bar.max = 100;
  label.htmlFor = bar.id;
  label.className = "govuk-label";
  label.textContent = `Envoi de ${names}`;
  Object.assign(stop, { type: "button", className: "ville-link-button", textContent: "Annuler l’envoi" });
  stop.addEventListener("click", cancel);
  row.append(label, bar, stop);
  part.append(row);
  return {
    show(share) {
      bar.value = Math.round(share * 100);
      // All of it has left: the server looks at it.
      if (share >= 1) {
        label.textContent = `Vérification de ${names}`;
        bar.removeAttribute("value");
      }
    },
    remove: () => row.remove(),
  };
}

function say(form, text, part) {
  let said = form.querySelector("[data-files-said]");
  if (!said) {
    said = document.createElement("p");
    said.className = "govuk-visually-hidden";
    said.setAttribute("role", "status");
    said.dataset.filesSaid = "";
    form.append(said);
  }
  said.textContent = text;
  if (part) {
    // What was wrong before is over: one file, one reason.
    for (const former of part.querySelectorAll(".govuk-error-message")) former.remove();

    const problem = document.createElement("p");
    problem.className = "govuk-error-message ville-files__problem";
    problem.textContent = text;
    part.prepend(problem);
  }
}

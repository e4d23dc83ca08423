// What JavaScript adds to the pages of the account: the password's rules followed as one types, a proposal without leaving the
// page, and a proof of work in place of the captcha's picture. Without it the same pages work through their buttons.
import { solveChallengeWorkers } from "altcha/lib";
import { clear } from "./errors.js";

const KEPT = {
  length: (text) => [...text].length >= 8,
  lower: (text) => /\p{Ll}/u.test(text),
  upper: (text) => /\p{Lu}/u.test(text),
  digit: (text) => /\p{Nd}/u.test(text),
  special: (text) => /[^\p{L}\p{N}\s]/u.test(text),
};

document.querySelectorAll("[data-new-password]").forEach(followRules);
document.querySelectorAll("[data-captcha]").forEach(proveInPlace);

function followRules(box) {
  const [password, again] = box.querySelectorAll("input[type=password]");
  const rules = [...box.querySelectorAll("[data-rule]")];
  const count = box.querySelector("[data-rules-kept]");
  const match = box.querySelector("[data-match]");
  const forbidden = new Set(box.dataset.newPassword);
  let said;

  function update() {
    const text = password.value.normalize("NFC");
    let kept = 0;
    for (const rule of rules) {
      const name = rule.dataset.rule;
      const holds = text !== "" && (name === "forbidden" ? ![...text].some((sign) => forbidden.has(sign)) : KEPT[name](text));
      kept += holds;
      rule.classList.toggle("ville-rules__rule--kept", holds);
      rule.querySelector("[data-state]").textContent = text === "" ? "" : holds ? " – respectée" : " – à respecter";
    }
    const differs = again.value !== "" && again.value !== password.value;
    match.textContent = differs ? "Les deux mots de passe sont différents." : "";
    // Once the person pauses: a screen reader doesn't count at each key.
    clearTimeout(said);
    said = setTimeout(() => {
      count.textContent = text === "" ? "" : `${kept} règle${kept > 1 ? "s" : ""} sur ${rules.length} respectée${kept > 1 ? "s" : ""}.`;
    }, 700);
  }

  password.addEventListener("input", update);
  again.addEventListener("input", update);
  window.addEventListener("pageshow", update);

  const button = box.querySelector("[data-propose]");
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      const answer = await fetch(button.dataset.propose, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const proposal = (await answer.json()).mot_de_passe;
      password.value = again.value = proposal;
      for (const input of [password, again]) clear(input);
      const shown = box.querySelector("[data-proposal]");
      shown.hidden = false;
      shown.querySelector("[data-proposed]").textContent = proposal;
      update();
    } catch {
      // The button's own way, through the server.
      box.querySelector("[data-propose-plain]").click();
    }
  });
}

function proveInPlace(box) {
  if (!globalThis.crypto?.subtle || !globalThis.Worker) return;
  const form = box.closest("form");
  const field = box.querySelector("[data-captcha-answer]");
  const manual = box.querySelector("[data-captcha-manual]");
  const state = box.querySelector("[data-captcha-state]");
  let work;
  let failed = false;

  manual.hidden = true;
  state.hidden = false;

  async function prove() {
    state.textContent = "Vérification en cours…";
    try {
      const answer = await fetch(box.dataset.captcha, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const challenge = await answer.json();
      const solution = await solveChallengeWorkers({
        challenge,
        concurrency: Math.min(4, navigator.hardwareConcurrency || 2),
        createWorker: () => new Worker(box.dataset.worker, { type: "module" }),
        timeout: 60_000,
      });
      if (!solution) throw new Error("no solution");
      field.value = btoa(JSON.stringify({ challenge, solution }));
      state.textContent = "Vérification terminée.";
    } catch {
      failed = true;
      state.textContent = "La vérification automatique n’a pas abouti : recopiez les chiffres.";
      manual.hidden = false;
    }
  }

  const start = () => (work ??= prove());
  form.addEventListener("focusin", start, { once: true });
  form.addEventListener("input", start, { once: true });
  form.addEventListener("submit", async (event) => {
    if (field.value || failed || event.submitter?.formNoValidate) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    state.textContent = "Vérification en cours, l’envoi va suivre…";
    await start();
    if (failed) manual.querySelector("input[type=text]").focus();
    else form.requestSubmit(event.submitter);
  }, { capture: true });
}

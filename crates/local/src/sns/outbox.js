// Asks for what is new and puts the page's own list in place of the old one: one rendering, with or without this script.
const pause = ms => new Promise(done => setTimeout(done, ms));
const state = document.getElementById("state");
// Only changes are written, because a screen reader reads out every writing.
const tell = text => { if (state.textContent !== text) state.textContent = text; };
(async () => {
  let last = Number(document.querySelector("main").dataset.last);
  for (;;) {
    try {
      const answer = await fetch("/_local/outbox.json?limit=1&wait=25&since=" + last);
      if (!answer.ok) throw new Error(answer.status);
      const found = await answer.json();
      tell("Live.");
      if (found.messages.length) {
        const html = await (await fetch("/_local/outbox?part=true")).text();
        const fresh = new DOMParser().parseFromString(html, "text/html");
        document.getElementById("list").replaceChildren(...fresh.getElementById("list").childNodes);
        last = Number(fresh.querySelector("main").dataset.last);
      }
    } catch {
      tell("Connection lost, trying again.");
      await pause(2000);
    }
  }
})();

"use strict";
// One piece plays at a time; a line runs over its piano roll; a click on the roll jumps there. Tables sort by column.

for (const piece of document.querySelectorAll(".piece")) {
  const audio = piece.querySelector("audio"), roll = piece.querySelector(".roll"), cursor = piece.querySelector(".cursor");
  if (!audio || !roll) continue;
  const box = roll.firstElementChild, entry = piece.closest("details");
  const begin = Number(roll.dataset.begin), end = Number(roll.dataset.end), seconds = Number(roll.dataset.seconds);

  const follow = () => {
    const place = begin + (end - begin) * Math.min(audio.currentTime / seconds, 1), left = place * box.clientWidth;
    cursor.style.left = 100 * place + "%";
    cursor.hidden = false;
    const out = left < roll.scrollLeft || left > roll.scrollLeft + 0.9 * roll.clientWidth;
    if (out) roll.scrollLeft = left - 0.1 * roll.clientWidth;
    if (!audio.paused) requestAnimationFrame(follow);
  };
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    entry.classList.add("playing");
    requestAnimationFrame(follow);
  });
  audio.addEventListener("pause", () => entry.classList.remove("playing"));
  audio.addEventListener("seeked", follow);
  entry.addEventListener("toggle", () => { if (!entry.open) audio.pause(); });
  box.addEventListener("click", (event) => {
    const share = (event.clientX - box.getBoundingClientRect().left) / box.clientWidth;
    const time = Math.max(0, Math.min(1, (share - begin) / (end - begin))) * seconds;
    const jump = () => { audio.currentTime = time; audio.play(); };
    if (audio.readyState) jump();
    else { audio.addEventListener("loadedmetadata", jump, { once: true }); audio.load(); }
  });
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
      const order = (one, other) => {
        const [a, b] = [key(one), key(other)];
        if (a === "" || b === "") return (a === "") - (b === ""); // what is not known comes last, either way
        const numbers = !isNaN(a) && !isNaN(b);
        return (numbers ? a - b : a.localeCompare(b)) * (falling ? -1 : 1);
      };
      body.append(...[...body.rows].sort(order));
    });
  });
}

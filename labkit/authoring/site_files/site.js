// What scrolls by itself can be reached by the keyboard, so that those who use no mouse can read all of it.
function reach() {
  for (const box of document.querySelectorAll("table, pre, .cell_output, .lk-scroll"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
window.addEventListener("load", reach);
window.addEventListener("resize", reach);

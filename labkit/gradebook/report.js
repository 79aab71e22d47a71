// A click on a column's head sorts its table; the next one turns the order round.
const key = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
const compare = new Intl.Collator("en", { numeric: true }).compare;

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const turned = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const order = (a, b) => {
      const [x, y] = [key(a, head.cellIndex), key(b, head.cellIndex)];
      const numbers = x !== "" && y !== "" && isFinite(x) && isFinite(y);
      return turned * (numbers ? x - y : compare(x, y));
    };
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", turned === 1 ? "ascending" : "descending");
    body.append(...[...body.rows].sort(order));
  });
}

// Sorting and filtering of the comparison, and details that open for printing.
(() => {
  "use strict";

  // Numbers by value, with empty cells last in both directions.
  const compare = (direction) => (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (a - b);
  };
  DataTable.type("number-or-none", {
    order: {
      pre: (value) => (value === "" || value === null || Number.isNaN(Number(value)) ? null : Number(value)),
      asc: compare(1),
      desc: compare(-1),
    },
  });

  const LARGE = 400; // Rows beyond which a browser takes noticeably long to lay the table out anew.
  const FIRST = 200;

  const element = document.getElementById("comparison-table");
  const number = element.tBodies[0].rows.length;
  if (number > 0) {
    const table = new DataTable(element, {
      paging: number > LARGE,
      pageLength: FIRST,
      lengthChange: false,
      info: false,
      autoWidth: false,
      order: [],
      layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
      // The headings hold real buttons: they answer to Space as well as Enter.
      ordering: { handler: false, indicators: false },
      columnDefs: [{ targets: "num", type: "number-or-none" }],
    });
    sortByButtons(table);
    filter(table);
    showInParts(table);
  }

  function sortByButtons(table) {
    element.querySelectorAll("thead th").forEach((heading, column) => {
      const button = heading.querySelector("button");
      const first = button.dataset.first || "asc";
      button.addEventListener("click", (event) => {
        const order = table.order();
        const place = order.findIndex((entry) => entry[0] === column);
        const others = event.shiftKey ? order.filter((entry) => entry[0] !== column) : [];
        let next = first;
        if (place >= 0) next = order[place][1] === first ? (first === "asc" ? "desc" : "asc") : null;
        table.order(next ? [...others, [column, next]] : others).draw();
        element.parentElement.closest(".scroll").scrollTop = 0;
      });
    });
  }

  function filter(table) {
    const form = document.getElementById("filters");
    const search = document.getElementById("search");
    const shown = document.getElementById("shown");
    const nothing = document.getElementById("nothing");
    const selects = [...form.querySelectorAll("select")];
    const rows = table.rows().nodes();
    const total = table.rows().count();
    const rowOf = new Map(table.rows().indexes().toArray().map((index, place) => [index, rows[place]]));

    table.search.fixed("selects", (_text, _data, index) => {
      const data = rowOf.get(index).dataset;
      return selects.every(({ value, dataset }) => {
        if (value === "") return true;
        const own = data[dataset.filter];
        return dataset.filter === "status" ? own.split(" ").includes(value) : own === value;
      });
    });
    const update = () => {
      table.search(search.value).draw();
      const count = table.rows({ search: "applied" }).count();
      shown.textContent = count === total ? `${total} targets` : `${count} of ${total} targets`;
      nothing.hidden = count > 0;
    };
    let waiting;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(update, 120);
    });
    selects.forEach((select) => select.addEventListener("change", update));
    form.addEventListener("submit", (event) => event.preventDefault());
    // Fields are cleared after the event.
    form.addEventListener("reset", () => setTimeout(update));
    document.querySelector("[data-reset]").addEventListener("click", () => form.reset());
  }

  // A large table shows its first rows, and all on demand and in print.
  function showInParts(table) {
    const rest = document.getElementById("rest");
    const button = rest.querySelector("button");
    const update = () => {
      const { recordsDisplay, length } = table.page.info();
      rest.hidden = number <= LARGE || length === -1 || recordsDisplay <= length;
      button.textContent = `Show all ${recordsDisplay}`;
    };
    table.on("draw", update);
    button.addEventListener("click", () => table.page.len(-1).draw());
    if (number > LARGE) {
      let before = FIRST;
      addEventListener("beforeprint", () => {
        before = table.page.len();
        table.page.len(-1).draw();
      });
      addEventListener("afterprint", () => table.page.len(before).draw());
    }
    update();
  }

  // Of what may scroll, only what does is a stop for the keyboard.
  const scrolls = (element) =>
    element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight;
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (scrolls(target)) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  document.querySelectorAll("[tabindex='0']").forEach((element) => observer.observe(element));

  // A link to a folded part opens it.
  const reveal = (hash) => {
    const part = document.getElementById(hash.slice(1));
    if (part instanceof HTMLDetailsElement) part.open = true;
  };
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link) reveal(link.hash);
  });
  addEventListener("hashchange", () => reveal(location.hash));
  reveal(location.hash);

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((details) => (details.open = true));
  });
  addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
})();

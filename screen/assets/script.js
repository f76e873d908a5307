// What forms alone cannot do: search as one types, copy, and live progress. Each is
// asked for by an attribute; a page without it needs no script.
"use strict";

// data-copy: a button that copies a text.
document.addEventListener("click", async (event) => {
	const button = event.target.closest("[data-copy]");
	if (!button) return;
	try {
		await navigator.clipboard.writeText(button.dataset.copy);
		say(button, "Copied");
	} catch {
		say(button, "Select it and copy by hand");
	}
});

function say(button, text) {
	const before = button.textContent;
	button.textContent = text;
	button.setAttribute("aria-live", "polite");
	setTimeout(() => { button.textContent = before; }, 2000);
}

// data-search: a form whose results, the element that the attribute names, follow
// what is typed. The address follows, too, so that it can be shared.
for (const form of document.querySelectorAll("form[data-search]")) {
	let timer, asked = 0;
	// What was looked through so far held nothing: it goes on until there is something.
	const further = (number) => {
		const link = document.querySelector(`#${form.dataset.search} [data-further]`);
		if (link && number === asked) show(new URL(link.href), number);
	};
	const search = () => {
		const url = new URL(form.getAttribute("action") || location.pathname, location);
		for (const [name, value] of new FormData(form)) if (value) url.searchParams.set(name, value);
		show(url, ++asked);
	};
	const show = async (url, number) => {
		const answer = await fetch(url, { headers: { "X-Requested-With": "search" } });
		if (!answer.ok || answer.redirected || number !== asked) return;
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		const there = page.getElementById(form.dataset.search);
		const here = document.getElementById(form.dataset.search);
		if (!there || !here || number !== asked) return;
		here.replaceWith(there);
		history.replaceState(null, "", url);
		further(number);
	};
	further(asked);
	form.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(search, 200);
	});
}

// data-all: a box that ticks all others of the name.
for (const all of document.querySelectorAll("input[data-all]")) {
	all.addEventListener("change", () => {
		for (const box of document.querySelectorAll(`input[name="${all.dataset.all}"]`)) {
			box.checked = all.checked;
		}
	});
}

// data-live: an element that follows a stream of events. Each event holds the HTML
// that takes the place of what is in it; "end" reads the page again.
for (const live of document.querySelectorAll("[data-live]")) {
	const stream = new EventSource(live.dataset.live);
	stream.onmessage = (event) => {
		const page = new DOMParser().parseFromString(event.data, "text/html");
		live.replaceChildren(...page.body.childNodes);
	};
	stream.addEventListener("end", () => { stream.close(); location.reload(); });
}

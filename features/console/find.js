// What a person sees and a program can use, by the names that a screen reader says.
"use strict";
(() => {
	const tidy = (text) => (text || "").replace(/\s+/g, " ").trim();
	const shown = (e) => e.checkVisibility({ visibilityProperty: true }) &&
		!e.closest(".visually-hidden") && e.getClientRects().length > 0;
	const labelled = (e) => {
		if (e.getAttribute("aria-label")) return e.getAttribute("aria-label");
		if (e.labels && e.labels.length) return [...e.labels].map((l) => l.textContent).join(" ");
		return "";
	};
	const kinds = {
		link: ["a[href]", (e) => e.getAttribute("aria-label") || e.textContent],
		button: ["button, a.button, summary", (e) => e.getAttribute("aria-label") || e.textContent],
		field: ["input:not([type=hidden]), select, textarea", labelled],
		row: ["tr, li", (e) => e.textContent],
		heading: ["h1, h2, h3", (e) => e.textContent],
	};
	window.musterFind = (kind, name, within) => {
		const [selector, of] = kinds[kind];
		let root = document;
		if (within) {
			root = [...document.querySelectorAll("tr, li, section, dl")].filter(shown)
				.find((e) => tidy(e.textContent).includes(within) ||
					[...e.querySelectorAll("input, select")].some((i) => i.value === within));
			if (!root) throw new Error(`there is nothing with “${within}”`);
		}
		const all = [...root.querySelectorAll(selector)].filter(shown);
		const same = all.filter((e) => tidy(of(e)) === name);
		const list = same.length ? same : all.filter((e) => tidy(of(e)).startsWith(name));
		if (!list.length) {
			throw new Error(`there is no ${kind} “${name}”; there are: ` +
				all.map((e) => tidy(of(e)).slice(0, 60)).join(" | "));
		}
		const first = list.find((e) => e.closest("main")) || list[0];
		first.scrollIntoView({ block: "center", behavior: "instant" });
		return first;
	};
	// The point to click at, which nothing else may cover.
	window.musterPoint = (kind, name, within) => {
		const e = window.musterFind(kind, name, within);
		const box = e.getClientRects()[0];
		const x = box.left + box.width / 2, y = box.top + box.height / 2;
		const at = document.elementFromPoint(x, y);
		if (!at || !(e.contains(at) || at.contains(e))) {
			throw new Error(`the ${kind} “${name}” is covered by ${at && at.outerHTML.slice(0, 80)}`);
		}
		window.musterOld = true;
		const leads = (e.matches("a[href]") || e.matches("button") && e.form &&
			e.type === "submit") && !e.dataset.copy;
		return { x, y, leads };
	};
	window.musterText = () => tidy(document.body.innerText);
	window.musterChoose = (name, option, within) => {
		const e = window.musterFind("field", name, within);
		const found = [...e.options].find((o) => tidy(o.text) === option) ||
			[...e.options].find((o) => tidy(o.text).startsWith(option));
		if (!found) throw new Error(`“${name}” has no “${option}”: ` +
			[...e.options].map((o) => tidy(o.text)).join(" | "));
		if (found.disabled) throw new Error(`“${option}” cannot be chosen as “${name}”`);
		e.value = found.value;
		e.dispatchEvent(new Event("input", { bubbles: true }));
		e.dispatchEvent(new Event("change", { bubbles: true }));
	};

	// What keeps somebody from using the page.
	const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
	const parse = (c) => {
		const n = c.match(/[\d.]+/g).map(Number);
		return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1];
	};
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c[3] > 0) return c;
		}
		return [255, 255, 255, 1];
	};
	window.musterFaults = () => {
		const faults = [];
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walker.nextNode()) {
			const e = walker.currentNode.parentElement;
			if (!tidy(walker.currentNode.textContent) || !e.checkVisibility() ||
				e.matches("option, datalist *, script, .visually-hidden, .visually-hidden *, .skip")) {
				continue;
			}
			const style = getComputedStyle(e);
			const [a, b] = [luminance(parse(style.color)), luminance(behind(e))];
			const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			const size = parseFloat(style.fontSize);
			const large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
			if (ratio < (large ? 3 : 4.5)) {
				faults.push(`contrast ${ratio.toFixed(2)} of “${tidy(e.textContent).slice(0, 40)}”`);
			}
		}
		if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
		if (!document.querySelector("main#main")) faults.push("no main");
		if (!document.documentElement.lang) faults.push("no language");
		if (!document.title.trim()) faults.push("no title");
		const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
		for (const id of ids.filter((x, n) => ids.indexOf(x) !== n)) faults.push(`two of id ${id}`);
		for (const th of document.querySelectorAll("th:not([scope])")) {
			faults.push(`a head without scope: ${tidy(th.textContent)}`);
		}
		for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
			for (const name of ["aria-describedby", "aria-labelledby"]) {
				const id = e.getAttribute(name);
				if (id && !document.getElementById(id)) faults.push(`${name} ${id} is not there`);
			}
		}
		return faults;
	};
	window.musterWide = () => {
		const page = document.scrollingElement;
		if (page.scrollWidth <= innerWidth + 1) return [];
		return [...document.querySelectorAll("body *")].filter((e) =>
			e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".wide, pre"))
			.slice(0, 3).map((e) => `at 390 px too wide: ${e.outerHTML.slice(0, 80)}`)
			.concat("it scrolls sideways");
	};
})();

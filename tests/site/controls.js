// What test_accessibility.py asks a page about what can be used in it. Each function lists what is wrong.
"use strict";

/* exported withoutFocus, forMiceOnly, moving, missed */

const CONTROL = "a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex='-1']), " +
    "[contenteditable=true], [role=button], [role=link], [role=slider], [role=switch], [role=checkbox], [role=tab]";

const named = (element) => element.outerHTML.slice(0, 160);

const visible = (element) => element.checkVisibility({visibilityProperty: true}) && !element.disabled &&
    !element.closest("[inert], dialog:not([open])") && element.getClientRects().length > 0;

const controls = () => [...document.querySelectorAll(CONTROL)].filter(visible);

const look = (element) => [null, "::before", "::after"].map((part) => {  // a card's link shows its focus on the card
    const style = getComputedStyle(element, part);
    return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.backgroundColor,
        style.borderColor, style.textDecorationLine, style.color, style.opacity];
}).join();

const opaque = (element) => {
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= getComputedStyle(e).opacity;
    return opacity > 0.5;
};

// A control that is see-through lies over the picture that comes next, which must show in its place what it shows.
const drawn = (element) => [element, element.nextElementSibling].find((one) => one && opaque(one));

// Controls that the Tab key does not reach, or that do not show that they have the focus.
const withoutFocus = () => controls().map((element) => {
    if (element.tabIndex < 0) return "out of reach: " + named(element);
    document.activeElement.blur();
    const shown = drawn(element);
    if (!shown) {
        element.focus({preventScroll: true});  // some are seen only while they have the focus
        return opaque(element) ? "" : "not seen itself: " + named(element);
    }
    const before = look(shown);
    element.focus({preventScroll: true});
    if (document.activeElement !== element) return "takes no focus: " + named(element);
    return look(shown) === before ? "focus not seen: " + named(element) : "";
}).filter(Boolean);

// What a mouse may press, by the look of its pointer, and the keyboard may not.
const forMiceOnly = () => {
    const points = (element) => getComputedStyle(element).cursor === "pointer";
    const used = (element) => element.closest(CONTROL + ", label") || element.querySelector(CONTROL);
    return [...document.querySelectorAll("body *")]
        .filter((e) => (points(e) && !points(e.parentElement)) || e.hasAttribute("onclick"))
        .filter((e) => visible(e) && !used(e)).map(named);
};

// What goes over from one look to another in more than an instant.
const moving = () => [...document.querySelectorAll("*")].flatMap((element) =>
    [null, "::before", "::after"].filter((part) => {
        const style = getComputedStyle(element, part);
        const lasts = (times) => times.split(",").some((time) => parseFloat(time) > 0.001);
        return lasts(style.transitionDuration) || style.scrollBehavior === "smooth" ||
            (style.animationName !== "none" && lasts(style.animationDuration));
    }).map((part) => named(element) + (part ?? "")));

const missed = (reached) => controls().filter((element) => !reached.has(element)).map(named);

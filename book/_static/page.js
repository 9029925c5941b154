/* What the scripts of the lab and of the trained machine share. Loaded before them. */
window.page = (() => {
  "use strict";

  /** A new element with these attributes and children. */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /** The numbers from 0 to below count. */
  const range = (count) => [...Array(count).keys()];

  const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

  /** The nearest whole number within bounds; 0, brought within them, for what is no number. */
  const whole = (value, least, most) => clamp(Math.round(value) || 0, least, most);

  /** A number for a sentence: at most three decimals, and a comma between thousands. */
  const in_figures = (value) => value.toLocaleString("en", { maximumFractionDigits: 3 });

  const capital = (text) => text[0].toUpperCase() + text.slice(1);

  /** A function that calls act, with what it was last given, once it has been left alone for a moment: the address may
   * not change too often. */
  function when_settled(act) {
    let timer;
    return (...given) => {
      clearTimeout(timer);
      timer = setTimeout(act, 200, ...given);
    };
  }

  return { element, range, clamp, whole, in_figures, capital, when_settled };
})();

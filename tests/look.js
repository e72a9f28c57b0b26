// What is wrong with a page or a picture as it is shown: a list of sentences, empty where nothing is.
//
// Looked at: text outside the box it stands in, labels over one another, what the window cuts, contrast of text
// (WCAG 2.2: 4.5 : 1), a name for those who cannot see it, scripts, and what only a mouse reaches.
() => {
  const found = [];
  const root = document.documentElement;
  const svg = root.tagName.toLowerCase() === 'svg' ? root : null;
  const visible = (one) => {
    const box = one.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(one).visibility !== 'hidden';
  };
  const short = (text) => JSON.stringify(text.trim().slice(0, 40));
  const inside = (inner, outer, by = 1) =>
    inner.left >= outer.left - by && inner.right <= outer.right + by &&
    inner.top >= outer.top - by && inner.bottom <= outer.bottom + by;

  // -- texts: each piece with its place
  const texts = [];
  if (svg) {
    for (const one of root.querySelectorAll('text')) {
      if (one.textContent.trim() && visible(one)) texts.push({ one, text: one.textContent, box: one.getBoundingClientRect() });
    }
  } else {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const one = walk.currentNode.parentElement;
      if (!walk.currentNode.data.trim() || !visible(one) || one.closest('style')) continue;
      const range = document.createRange();
      range.selectNodeContents(walk.currentNode);
      for (const box of range.getClientRects()) texts.push({ one, text: walk.currentNode.data, box });
    }
  }
  const shapes = svg ? [...root.querySelectorAll('rect, polygon, circle')].filter(visible) : [];

  // -- text in its box, and labels apart
  for (const { one, text, box } of texts) {
    const home = one.closest('.stage');
    if (home) {
      const rim = [...home.querySelectorAll('rect.box')].pop().getBoundingClientRect();
      if (!inside(box, rim)) found.push(`${short(text)} is outside its box by ${Math.max(box.right - rim.right, rim.left - box.left).toFixed(1)} px`);
    }
    if (box.left < -1 || box.top < -1) found.push(`${short(text)} begins outside the page`);
    const edge = svg ? root.getBoundingClientRect() : { right: root.clientWidth, bottom: Infinity };
    if (box.right > Math.max(edge.right, 0) + 1 || box.bottom > edge.bottom + 1) found.push(`${short(text)} is cut at the edge`);
  }
  const shrink = 1.5; // the room around letters may touch, letters may not
  texts.forEach((a, at) => {
    for (const b of texts.slice(at + 1)) {
      if (a.one === b.one) continue;
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (across > shrink && down > shrink + Math.min(a.box.height, b.box.height) * 0.2)
        found.push(`${short(a.text)} and ${short(b.text)} lie over one another`);
    }
  });

  // -- nothing is wider than the window
  if (root.scrollWidth > innerWidth + 1) found.push(`${root.scrollWidth} px wide in a window of ${innerWidth} px`);
  if (svg && svg.getBoundingClientRect().right > innerWidth + 1)
    found.push(`the picture is ${svg.getBoundingClientRect().width.toFixed(0)} px wide in a window of ${innerWidth} px`);

  // -- contrast
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const dark = matchMedia('(prefers-color-scheme: dark)').matches && getComputedStyle(root).colorScheme.includes('dark');
  const paper = dark ? [18, 18, 18, 1] : [255, 255, 255, 1];
  const ground = (one, box) => {
    let colour = paper;
    if (svg) {
      for (const shape of shapes) {
        const style = getComputedStyle(shape);
        if (!inside(box, shape.getBoundingClientRect()) || style.fill === 'none') continue;
        if (!(shape.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
        const fill = rgba(style.fill);
        fill[3] *= Number(style.fillOpacity) * Number(style.opacity);
        colour = over(fill, colour);
      }
      return colour;
    }
    const above = [];
    for (let at = one; at; at = at.parentElement) above.unshift(rgba(getComputedStyle(at).backgroundColor));
    for (const layer of above) colour = over(layer, colour);
    return colour;
  };
  for (const { one, text, box } of texts) {
    const style = getComputedStyle(one);
    const below = ground(one, box);
    const ink = rgba(svg ? style.fill : style.color);
    ink[3] *= Number(svg ? style.fillOpacity : 1) * Number(style.opacity);
    const contrast = ratio(over(ink, below), below);
    if (contrast < 4.5) found.push(`${short(text)} has a contrast of ${contrast.toFixed(2)}`);
  }

  // -- for those who cannot see it, and for those without a mouse
  if (svg) {
    const title = root.querySelector(':scope > title');
    if (root.getAttribute('role') !== 'img' || !(title?.textContent.trim() || root.getAttribute('aria-label')?.trim()))
      found.push('the picture has no name');
  } else {
    if (!document.title.trim() || !root.lang) found.push('the page has no title or no language');
    if (!document.querySelector('main') || !document.querySelector('h1')) found.push('the page has no main part or no heading');
  }
  for (const one of document.querySelectorAll('img, svg'))
    if (one !== root && !one.closest('[aria-hidden=true]') && !one.getAttribute('alt') && !one.getAttribute('aria-label') && !one.querySelector('title') && !svg)
      found.push(`a picture without a name: ${one.outerHTML.slice(0, 60)}`);
  for (const one of document.querySelectorAll('*'))
    if ([...one.attributes].some((each) => each.name.startsWith('on')) && one.tabIndex < 0) found.push(`only a mouse reaches ${one.tagName}`);
  if (document.querySelector('script')) found.push('there is a script in it');
  return [...new Set(found)];
}

// The models of the page, made of what it carries when they are first wanted.

function makeModel(network) {
  return network.kind === "symbols" ? new SymbolModel(network) : new FrameModel(network);
}

// A promise of the model whose weights stand in the element of that id.
const loadModel = (() => {
  const loaded = new Map();
  return (id) => {
    if (!loaded.has(id)) loaded.set(id, unpack(document.getElementById(id).textContent).then(makeModel));
    return loaded.get(id);
  };
})();

// Loads a peer from the node_modules beside this file; the subjects live in bench/, which does not have them.

/** @param {string} name @returns {Promise<unknown>} */
export async function loadPeer(name) {
  return await import(name)
}

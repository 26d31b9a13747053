// Words that say nothing of a topic by themselves. Not here are forms that are names or nouns too: us, who, may, mine, haven.

const WORDS = new Set(
  `a about above after again against ain all also although am among an and another any anybody anyone anything are
  aren around as at be because been before behind being below beside besides between both but by cannot could couldn
  did didn do does doesn doing done down during each either else ever every everybody everyone everything except
  few for from further had hadn has hasn have having he her here hers herself him himself his how however i if
  in instead into is isn its itself just least less ll many me more most much must my myself near needn
  neither no nobody none nor not nothing now of off often on once only onto or other ought our ours out over own per
  perhaps quite rather re same several shall shan she should shouldn since so some somebody someone something still
  such t than that the their theirs them themselves then there these they this those though through throughout to
  together too toward towards under unless until up upon ve very via was wasn we were weren what whatever when
  whenever where whereas wherever whether which whichever while whom whose why with within without would wouldn yet
  you your yours`.split(/\s+/),
);
const WORD = /[\p{L}\p{N}\p{M}_]+/gu;
const MOST = 50_000;
const decided = new Map(); // an article of 5,000 words has ten thousand n-grams, the same for each of its topics

/** Tell whether an n-gram is made of function words alone. */
export function isCommon(ngram) {
  if (!decided.has(ngram)) {
    if (decided.size >= MOST) decided.clear();
    decided.set(ngram, (ngram.toLowerCase().match(WORD) ?? []).every((word) => WORDS.has(word)));
  }
  return decided.get(ngram);
}

/** Divide evidence into n-grams that tell something, and the sum of what those of function words alone add. */
export function divide(evidence) {
  const telling = evidence.filter(({ text }) => !isCommon(text));
  const sum = (all) => all.reduce((total, { weight }) => total + weight, 0);
  return { telling, common: telling.length < evidence.length ? sum(evidence) - sum(telling) : 0 };
}

import assert from "node:assert/strict";
import { tokensOfParts } from "../../../../src/proxy/continuation/by_text/tokens_of_text.ts";

/** A vocabulary that takes the longest word it knows, and names each token by its bytes. */
const WORDS = ["hello", "world", "hel", "wor", "ld", "lo", "he", "l", "o", "h", "e", " "];
const bytesOf = (text: string) => new TextEncoder().encode(text);

function tokenize(text: string, asked: string[] = []) {
  asked.push(text);
  const ids: number[] = [];
  const names: string[] = [];
  for (let rest = text; rest !== "";) {
    const word = WORDS.find((word) => rest.startsWith(word));
    const taken = word ?? String.fromCodePoint(rest.codePointAt(0)!);
    if (word) {
      ids.push(WORDS.indexOf(word));
      names.push(word);
    } else {
      for (const byte of bytesOf(taken)) {
        ids.push(100 + byte);
        names.push("x");
      }
    }
    rest = rest.slice(taken.length);
  }
  return Promise.resolve({ ids, names });
}

Deno.test("tokens that the vocabulary would choose are found with one question", async () => {
  const asked: string[] = [];
  const ids = await tokensOfParts(["hello", " ", "world"], (text) => tokenize(text, asked));
  assert.deepEqual(ids, [0, 11, 1]);
  assert.deepEqual(asked, ["hello world"]);
});

Deno.test("tokens that the vocabulary would not choose are looked up one by one", async () => {
  const ids = await tokensOfParts(["hel", "lo", " ", "world"], (text) => tokenize(text));
  assert.deepEqual(ids, [2, 5, 11, 1]);
});

Deno.test("an event with a character of several tokens has all of them", async () => {
  const ids = await tokensOfParts(["hello", "é", "é", " "], (text) => tokenize(text));
  assert.deepEqual(ids, [0, 295, 269, 295, 269, 11]);
});

Deno.test("an event of several tokens that share no character is uncertain", async () => {
  // It may be one token that the tokenizer never gives, or several that the server sent late.
  assert.equal(await tokensOfParts(["hello", " ld"], (text) => tokenize(text)), undefined);
});

Deno.test("text whose bytes were no character, or of unknown tokens, is uncertain", async () => {
  assert.equal(await tokensOfParts(["hel", "\ufffd"], (text) => tokenize(text)), undefined);
  assert.equal(await tokensOfParts(["ello", "he"], () => Promise.resolve(undefined)), undefined);
  // Neither part is one token by itself.
  assert.equal(await tokensOfParts(["hell", "o"], (text) => tokenize(text)), undefined);
});

Deno.test("the halves of a character in two events are uncertain", async () => {
  const half = { ids: [1], names: ["xxx"] };
  const whole = { ids: [1, 2, 3, 4], names: ["x", "x", "x", "x"] };
  const ofPairs = (text: string) => Promise.resolve(text.length === 1 ? half : whole);
  assert.equal(await tokensOfParts(["\ud83d", "\ude00"], ofPairs), undefined);
});

Deno.test("without names of bytes only as many tokens as events are certain", async () => {
  const strange = (text: string) =>
    tokenize(text).then(({ ids }) => ({ ids, names: ids.map(() => "▁longer") }));
  assert.deepEqual(await tokensOfParts(["hello", " "], strange), [0, 11]);
  assert.equal(await tokensOfParts(["hel", "lo"], strange), undefined);
});

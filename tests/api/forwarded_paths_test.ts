import assert from "node:assert/strict";
import { createForwardedPaths } from "../../src/api/forwarded_paths.ts";
import type { ExtraPath } from "../../src/config/extra_paths.ts";

const paths = createForwardedPaths(() => []);
const isPost = (target: string) => paths.has({ method: "POST", target });

Deno.test("an unmistakable spelling is the endpoint's, and the query stays", () => {
  for (
    const [written, meant] of [
      ["/chat/completions", "/v1/chat/completions"],
      ["/v1/v1/chat/completions?a=/b", "/v1/chat/completions?a=/b"],
      ["/v1/chat/completions/", "/v1/chat/completions"],
      ["/messages/count_tokens/?beta=true", "/v1/messages/count_tokens?beta=true"],
      ["/v1/v1/responses/", "/v1/responses"],
      ["/models", "/v1/models"],
      ["/score", "/score"],
      ["/tokenize/", "/tokenize"],
      ["/v1/embeddings?x", "/v1/embeddings?x"],
    ] as const
  ) {
    assert.equal(paths.spelled(written), meant);
    assert.equal(isPost(written), !meant.includes("models"), written);
  }
});

Deno.test("any other spelling stays as it is, and is not forwarded", () => {
  for (
    const written of [
      "/v1/chat/completions//",
      "//v1/chat/completions",
      "/v1/v1/v1/chat/completions",
      "/V1/chat/completions",
      "/v1/%63hat/completions",
      "/v1/../chat/completions",
      "/v2/chat/completions",
      "/v1/tokenize",
      "/sleep",
      "/v1/sleep/",
      "/",
      "/v1",
      "",
    ]
  ) {
    assert.equal(paths.spelled(written), written);
    assert.equal(isPost(written), false, written);
  }
});

Deno.test("a path has its own methods only, and extra paths follow a reload", () => {
  assert.equal(paths.has({ method: "GET", target: "/tokenizer_info?model=m" }), true);
  assert.equal(paths.has({ method: "POST", target: "/tokenizer_info" }), false);
  assert.equal(paths.has({ method: "GET", target: "/v1/chat/completions" }), false);
  let extra: ExtraPath[] = [];
  const reloaded = createForwardedPaths(() => extra);
  const target = "/v1/custom";
  assert.equal(reloaded.has({ method: "POST", target }), false);
  extra = [{ method: "POST", path: target }, { method: "GET", path: target }];
  assert.equal(reloaded.has({ method: "POST", target: `${target}/` }), true);
  assert.deepEqual(reloaded.methodsOf(target), ["POST", "GET"]);
  extra = [];
  assert.deepEqual(reloaded.methodsOf(target), []);
});

Deno.test("a near miss is suggested, anything else is not", () => {
  const own = ["/health", "/dashboard"];
  assert.equal(paths.similarTo("/v1/chat/completion", own), "/v1/chat/completions");
  assert.equal(paths.similarTo("/v1/embedding", own), "/v1/embeddings");
  assert.equal(paths.similarTo("/healthz", own), "/health");
  assert.equal(paths.similarTo("/wp-admin", own), undefined);
  assert.equal(paths.similarTo(`/v1/chat/completions${"x".repeat(200)}`, own), undefined);
});

import { ADDED, idOfAdded } from "../inference/vocabulary.ts";
import type { Json } from "./body.ts";

/** The conversation as `renderChat` writes it, without tools and media. */
const CHAT_TEMPLATE = "{% for message in messages %}" +
  "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
  "{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/**
 * Builds the document of GET /tokenizer_info, as with --enable-tokenizer-info-endpoint: what is in
 * a `tokenizer_config.json`, and the chat template.
 */
export function tokenizerInfo(maxModelLen: number): Json {
  return {
    add_prefix_space: false,
    added_tokens_decoder: Object.fromEntries(ADDED.map((token) => [idOfAdded(token), token])),
    additional_special_tokens: ["<|im_start|>", "<|im_end|>"],
    bos_token: null,
    clean_up_tokenization_spaces: false,
    eos_token: "<|im_end|>",
    errors: "replace",
    model_max_length: maxModelLen,
    pad_token: "<|endoftext|>",
    split_special_tokens: false,
    tokenizer_class: "Qwen2TokenizerFast",
    unk_token: null,
    chat_template: CHAT_TEMPLATE,
  };
}

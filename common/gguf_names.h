/* What the names of tensors in GGUF files say: all names here in small letters, without ".weight". */
#ifndef GGUF_NAMES_H
#define GGUF_NAMES_H

/*
 * The part of a GGUF name that says what a tensor does, and what may follow it: "attn_q" of "blk.0.attn_q",
 * "ffn_up.3" of an expert of its own. Null for other names. Encoders and decoders put "enc.", "v." and the
 * like before (TENSOR_NAMES of gguf-py/gguf/constants.py).
 */
const char *gguf_role(const char *name);

/*
 * The category that the same layer has by its name on the Hugging Face Hub; null for names that are not
 * GGUF's. Experts stacked in one tensor are what AlphaQuant's rules say of those that have a tensor each.
 */
const char *gguf_category(const char *name);

#endif

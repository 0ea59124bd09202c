/*
 * XXH3-64, by which a stream's payloads are known: https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md.
 */
#ifndef PAYLOAD_HASH_H
#define PAYLOAD_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of so many bytes. */
uint64_t payload_hash(const void *payload, size_t bytes);

/* The same of bytes that come one part after the other. */
struct payload_hash;

struct payload_hash *payload_hash_new(void);
void payload_hash_free(struct payload_hash *hash);
void payload_hash_begin(struct payload_hash *hash);
void payload_hash_add(struct payload_hash *hash, const void *bytes, size_t count);
uint64_t payload_hash_end(struct payload_hash *hash);

#endif

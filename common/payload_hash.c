#include "payload_hash.h"

/* The widest vectors that the processor has, where the library knows several. */
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include "util.h"

uint64_t
payload_hash(const void *payload, size_t bytes)
{
	return XXH3_64bits(payload, bytes);
}

struct payload_hash *
payload_hash_new(void)
{
	XXH3_state_t *state = XXH3_createState();

	if (!state)
		die(STATUS_RETRY, "out of memory");
	return (struct payload_hash *)state;
}

void
payload_hash_free(struct payload_hash *hash)
{
	XXH3_freeState((XXH3_state_t *)hash);
}

void
payload_hash_begin(struct payload_hash *hash)
{
	XXH3_64bits_reset((XXH3_state_t *)hash);
}

void
payload_hash_add(struct payload_hash *hash, const void *bytes, size_t count)
{
	XXH3_64bits_update((XXH3_state_t *)hash, bytes, count);
}

uint64_t
payload_hash_end(struct payload_hash *hash)
{
	return XXH3_64bits_digest((XXH3_state_t *)hash);
}

/*
 * Fuzz target: the pickle of a file of torch.save(). What is taken must name each tensor once, and have
 * all elements of each within its storage, from whichever place they are gathered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "torch_state.h"

__extension__ typedef unsigned __int128 wide;

/* Gathers some elements of what a tensor spans, in memory of just that size. */
static void
gather(const struct torch_tensor *tensor, uint64_t number, size_t count)
{
	size_t size = dtype_bits(tensor->dtype) / 8;
	unsigned char *from = xcalloc(tensor->span, 1), *to = xmalloc(count * size);

	strided_gather(&tensor->layout, size, from, number, count, to);
	free(from);
	free(to);
}

static void
check_tensor(const struct torch_tensor *tensor)
{
	size_t size = dtype_bits(tensor->dtype) / 8;
	wide elements = 1;

	REQUIRE(tensor->rank <= TORCH_STATE_MAX_RANK && size);
	for (unsigned i = 0; i < tensor->rank; i++)
		elements *= tensor->shape[i];
	REQUIRE(elements == tensor->elements);
	REQUIRE(elements * size == tensor->bytes);
	if (!elements) {
		REQUIRE(!tensor->span);
		return;
	}
	REQUIRE((wide)tensor->offset + tensor->span <= tensor->storage_bytes);
	REQUIRE((strided_place(&tensor->layout, tensor->elements - 1) + 1) * size == tensor->span);
	if (tensor->span <= 1 << 16) {
		size_t some = tensor->elements < 99 ? (size_t)tensor->elements : 99;

		gather(tensor, 0, some);
		gather(tensor, tensor->elements - some, some);
		gather(tensor, tensor->elements / 2, 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct torch_state state;
	struct failure failure = {0};
	char *text = xmalloc(size + 1);

	if (size)
		memcpy(text, data, size);
	if (torch_state_parse(&state, text, size, &failure)) {
		REQUIRE(failure.status == STATUS_DATA && *failure.text);
		return 0;
	}
	for (size_t i = 0; i < state.count; i++) {
		REQUIRE(!i || strcmp(state.tensors[i - 1].name, state.tensors[i].name) < 0);
		REQUIRE(strlen(state.tensors[i].storage) <= size);
		check_tensor(&state.tensors[i]);
	}
	torch_state_free(&state);
	return 0;
}

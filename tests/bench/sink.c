/*
 * sink: reads a tensor stream on standard input, checks every hash, and keeps nothing.
 *
 * What any consumer of a stream has to do at the least; prints the bytes of all payloads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "stream.h"
#include "util.h"

int
main(void)
{
	struct stream_reader *reader = stream_open(STDIN_FILENO);
	struct failure failure;
	struct frame frame;
	const void *payload;
	uint64_t bytes = 0;
	int more;

	while ((more = stream_next(reader, &frame, &failure)) > 0) {
		if (stream_payload(reader, &frame, &payload, &failure))
			die_failure(&failure, "standard input");
		bytes += frame.bytes;
		frame_free(&frame);
	}
	if (more < 0)
		die_failure(&failure, "standard input");
	stream_close(reader);
	printf("%" PRIu64 "\n", bytes);
	return 0;
}

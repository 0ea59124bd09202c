/* No devices: what programs are linked with by default. */
#include "eigen_device.h"

const char *
devices_libraries(void)
{
	return "";
}

struct devices *
devices_open(const struct eigen_options *options, devices_done *done, void *context,
	     struct failure *failure)
{
	(void)options;
	(void)done;
	(void)context;
	fail(failure, STATUS_UNAVAILABLE, "this program has no back end for GPUs");
	return NULL;
}

bool
devices_take(struct devices *devices, const struct eigen_job *job)
{
	(void)devices;
	(void)job;
	return false;
}

void
devices_submit(struct devices *devices, struct eigen_job *job)
{
	(void)devices;
	(void)job;
}

void
devices_end(struct devices *devices)
{
	(void)devices;
}

void
devices_close(struct devices *devices)
{
	(void)devices;
}

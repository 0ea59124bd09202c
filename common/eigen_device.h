/*
 * The seam between eigen.c and a back end for devices, such as GPUs. Every program is linked with just
 * one: eigen_device_none.c, which has no device, is in the archive; a program that is linked with
 * another by name takes that.
 *
 * Matrices go in by devices_submit(), all of them from one thread; each job comes back by a call of
 * done(), from any thread and in any order.
 */
#ifndef EIGEN_DEVICE_H
#define EIGEN_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "eigen.h"
#include "util.h"

struct devices;

/* Fills the second group of a job before; all is the back end's until then. */
typedef void devices_done(void *context, struct eigen_job *job);

/* A line a library, for --version; empty where there is no such back end. */
const char *devices_libraries(void);

/*
 * Opens the devices that the options name. Null, with the failure filled, where something is missing:
 * a driver, a device, a library.
 */
struct devices *devices_open(const struct eigen_options *options, devices_done *done, void *context,
			     struct failure *failure);

/* Whether a matrix is worth to be computed on a device, and fits. Its count is set. */
bool devices_take(struct devices *devices, const struct eigen_job *job);

void devices_submit(struct devices *devices, struct eigen_job *job);

/* Says that no more will come. */
void devices_end(struct devices *devices);

/* After all jobs came back. */
void devices_close(struct devices *devices);

#endif

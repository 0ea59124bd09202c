/* CHECK(call) ends the program if a call of CUDA's runtime or libraries fails. */
#ifndef CUDA_CHECK_H
#define CUDA_CHECK_H

#include "util.h"

#define CHECK(call)                                                                 \
	do {                                                                        \
		int error_of_call = (int)(call);                                    \
		if (error_of_call)                                                  \
			die(STATUS_INTERNAL, "%s: error %d", #call, error_of_call); \
	} while (0)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* ROLE_LOAD: opens, warms up, measures, and says what it found. */
#ifndef STREAMD_MEASURE_H
#define STREAMD_MEASURE_H

#include "patience.h"
#include "wire.h"

/* 0, or -errno after it has said why: -EPIPE for errors, -ETIMEDOUT. */
int measure(const struct options *options, const struct wire *wire, struct patience *patience,
	    struct log *log);

#endif

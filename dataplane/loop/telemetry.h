/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters of all cores as commands of rte_telemetry: /wiremap/tcp, /wiremap/net and
 * /wiremap/loop, each with a core's number as its parameter (none: the sum of all cores).
 * EAL's telemetry thread asks; there is one loop at a time in a process that it can ask.
 */
#ifndef LOOP_TELEMETRY_H
#define LOOP_TELEMETRY_H

#include "loop.h"

/* Does nothing without telemetry. Control thread. */
void loop_telemetry_begin(const struct loop *loop);
/* After this nobody asks that loop any more. */
void loop_telemetry_end(const struct loop *loop);

#endif

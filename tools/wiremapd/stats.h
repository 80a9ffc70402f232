/* SPDX-License-Identifier: Apache-2.0 */
/* All counters of the server as one JSON object. Control thread. */
#ifndef WIREMAPD_STATS_H
#define WIREMAPD_STATS_H

#include <jansson.h>

#include "server.h"

/* The object; NULL: no memory. The caller's to free. */
json_t *stats_json(const struct server *server);
/* Replaces the file, so that a reader sees all or nothing. 0 or -errno. */
int stats_write_file(const struct server *server, const char *path);
/* What is not zero, into the log. */
void stats_log(struct server *server);

#endif

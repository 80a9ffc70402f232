/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IMAP engines, one per core, and the listeners that lead to them: what loop_create() calls
 * back. Control thread.
 */
#ifndef WIREMAPD_ENGINES_H
#define WIREMAPD_ENGINES_H

#include "config/config.h"
#include "loop.h"
#include "session.h"

struct engines {
	const struct wiremap_config *config;
	struct log *log;
	struct store *store;
	struct auth *auth;
	struct session_engine *engines[PORT_CORES_MAX]; /* by core number; NULL: none */
};

/* loop_config.core_start and core_stop; `engines` is loop_config.arg. */
int engines_core_start(struct loop_core *core, unsigned number, void *engines);
void engines_core_stop(struct loop_core *core, unsigned number, void *engines);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

/* A mailbox does not change while the server runs, for now: there is no news to give. */
const char *cmd_noop_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	return wire_end(cursor) < 0 ? answer_arguments : "OK NOOP completed";
}

const char *cmd_check_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	return wire_end(cursor) < 0 ? answer_arguments : "OK CHECK completed";
}

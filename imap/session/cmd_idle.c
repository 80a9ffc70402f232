/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

/* A mailbox does not change while the server runs, for now: IDLE is kept, and silent. */
const char *cmd_idle_begin(struct session *session, struct wire_cursor *cursor)
{
	if (wire_end(cursor) < 0)
		return answer_arguments;
	session->expect = SESSION_EXPECT_DONE;
	session->go_on = "idling";
	return NULL;
}

void cmd_idle_line(struct session *session, struct span line)
{
	struct wire_cursor cursor = wire_cursor_of(line);
	struct span word;
	bool done = wire_atom(&cursor, &word) >= 0 && span_eq_fold(word, span_of("DONE")) &&
		    wire_end(&cursor) >= 0;

	session->answer = done ? "OK IDLE terminated" : "BAD IDLE ends with DONE";
	command_drop(session);
}

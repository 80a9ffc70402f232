/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

/* Mailboxes are read-only: nothing is expunged (RFC 3501 section 6.4.2). */
const char *cmd_close_begin(struct session *session, struct wire_cursor *cursor)
{
	if (wire_end(cursor) < 0)
		return answer_arguments;
	session_unselect(session);
	return "OK CLOSE completed";
}

const char *cmd_unselect_begin(struct session *session, struct wire_cursor *cursor)
{
	if (wire_end(cursor) < 0)
		return answer_arguments;
	session_unselect(session);
	return "OK UNSELECT completed";
}

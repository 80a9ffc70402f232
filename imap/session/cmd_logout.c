/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

const char *cmd_logout_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	return wire_end(cursor) < 0 ? answer_arguments : NULL;
}

enum row cmd_logout_row(struct session *session, struct wire_text *text)
{
	if (session->row == 0) {
		wire_text_str(text, "* BYE Logging out\r\n");
		return ROW_TEXT;
	}
	session->leaving = true;
	session->answer = "OK LOGOUT completed";
	return ROW_END;
}

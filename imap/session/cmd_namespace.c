/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

const char *cmd_namespace_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	return wire_end(cursor) < 0 ? answer_arguments : NULL;
}

/* One personal namespace without a prefix; nothing is shared. */
enum row cmd_namespace_row(struct session *session, struct wire_text *text)
{
	if (session->row == 0) {
		wire_text_str(text, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
		return ROW_TEXT;
	}
	session->answer = "OK NAMESPACE completed";
	return ROW_END;
}

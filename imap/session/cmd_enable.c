/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

/* Names no extension of ours: those that need enabling come later (RFC 5161 section 3.1: what
 * is not known is ignored). */
const char *cmd_enable_begin(struct session *session, struct wire_cursor *cursor)
{
	struct span name;

	(void)session;
	do {
		if (wire_space(cursor) < 0 || wire_atom(cursor, &name) < 0)
			return answer_arguments;
	} while (wire_at(cursor, ' '));
	return wire_end(cursor) < 0 ? answer_arguments : NULL;
}

enum row cmd_enable_row(struct session *session, struct wire_text *text)
{
	if (session->row == 0) {
		wire_text_str(text, "* ENABLED\r\n");
		return ROW_TEXT;
	}
	session->answer = "OK ENABLE completed";
	return ROW_END;
}

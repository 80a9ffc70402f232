/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

enum id_limits { ID_PAIRS_MAX = 30 }; /* RFC 2971 section 3.3 */

/* What clients say of themselves is read and forgotten. */
const char *cmd_id_begin(struct session *session, struct wire_cursor *cursor)
{
	struct wire_string string;
	bool nil;

	(void)session;
	if (wire_space(cursor) < 0)
		return answer_arguments;
	if (wire_char(cursor, '(') < 0) {
		if (wire_nstring(cursor, &string, &nil) < 0 || !nil)
			return answer_arguments;
		return wire_end(cursor) < 0 ? answer_arguments : NULL;
	}
	for (unsigned pairs = 0; wire_char(cursor, ')') < 0; pairs++) {
		if (pairs == ID_PAIRS_MAX || (pairs > 0 && wire_space(cursor) < 0) ||
		    wire_string(cursor, &string) < 0 || wire_space(cursor) < 0 ||
		    wire_nstring(cursor, &string, &nil) < 0)
			return answer_arguments;
	}
	return wire_end(cursor) < 0 ? answer_arguments : NULL;
}

enum row cmd_id_row(struct session *session, struct wire_text *text)
{
	if (session->row == 0) {
		wire_text_str(text, "* ID (\"name\" \"Wiremap\")\r\n");
		return ROW_TEXT;
	}
	session->answer = "OK ID completed";
	return ROW_END;
}

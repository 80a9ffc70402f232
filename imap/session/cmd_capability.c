/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

/*
 * Only what works is named. IMAP4rev2 is not among it: SEARCH is not complete and
 * no mail can be changed.
 */
#define EVERYWHERE "CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE"
#define LOGGED_IN                                                                                  \
	" NAMESPACE CHILDREN UNSELECT BINARY LIST-EXTENDED LIST-STATUS SPECIAL-USE STATUS=SIZE"

const char *capability_text(bool logged_in, bool may_login)
{
	if (logged_in)
		return EVERYWHERE LOGGED_IN;
	return may_login ? EVERYWHERE " AUTH=PLAIN" : EVERYWHERE " LOGINDISABLED";
}

const char *cmd_capability_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	return wire_end(cursor) < 0 ? answer_arguments : NULL;
}

enum row cmd_capability_row(struct session *session, struct wire_text *text)
{
	if (session->row == 1) {
		session->answer = "OK CAPABILITY completed";
		return ROW_END;
	}
	wire_text_str(text, "* ");
	wire_text_str(text,
		      capability_text(session->state != SESSION_BEFORE_LOGIN, session->may_login));
	wire_text_str(text, "\r\n");
	return ROW_TEXT;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "login.h"

const char *cmd_login_begin(struct session *session, struct wire_cursor *cursor)
{
	struct wire_string name, password;

	if (!session->may_login)
		return "NO [PRIVACYREQUIRED] Passwords are taken under TLS only";
	if (wire_space(cursor) < 0 || wire_astring(cursor, &name) < 0 || wire_space(cursor) < 0 ||
	    wire_astring(cursor, &password) < 0 || wire_end(cursor) < 0)
		return answer_arguments;
	return login_begin(session, &name, &password);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <string.h>

#include "login.h"

/*
 * PLAIN (RFC 4616): authzid NUL authcid NUL password. Acting for somebody else is
 * not offered, so authzid is empty or the same name.
 */
static const char *plain_take(struct session *session, struct span base64)
{
	uint8_t *message = session->engine->temp;
	int len = wire_base64_decode(base64, message, sizeof(session->engine->temp));
	struct wire_string name = {0}, password = {0};
	struct span rest, authzid;
	const uint8_t *nul;
	const char *answer;

	if (len < 0)
		return "BAD That is not base64";
	rest = (struct span){message, (size_t)len};
	nul = memchr(rest.ptr, '\0', rest.len);
	if (nul == NULL)
		return "BAD That is not a message of PLAIN";
	authzid = span_cut(rest, 0, (size_t)(nul - rest.ptr));
	rest = span_cut(rest, authzid.len + 1, rest.len);
	nul = memchr(rest.ptr, '\0', rest.len);
	if (nul == NULL)
		return "BAD That is not a message of PLAIN";
	name.raw = span_cut(rest, 0, (size_t)(nul - rest.ptr));
	password.raw = span_cut(rest, name.raw.len + 1, rest.len);
	answer = authzid.len > 0 && !span_eq(authzid, name.raw)
			 ? "NO [AUTHORIZATIONFAILED] Nobody may act for another here"
			 : login_begin(session, &name, &password);
	explicit_bzero(message, (size_t)len);
	return answer;
}

const char *cmd_authenticate_begin(struct session *session, struct wire_cursor *cursor)
{
	struct span mechanism, initial = {0};

	if (wire_space(cursor) < 0 || wire_atom(cursor, &mechanism) < 0)
		return answer_arguments;
	if (wire_at(cursor, ' ')) {
		wire_space(cursor);
		initial = command_word_take(cursor);
	}
	if (wire_end(cursor) < 0)
		return answer_arguments;
	if (!span_eq_fold(mechanism, span_of("PLAIN")))
		return "NO [CANNOT] Only PLAIN is offered";
	if (!session->may_login)
		return "NO [PRIVACYREQUIRED] Passwords are taken under TLS only";
	if (initial.ptr != NULL) /* "=" is an empty response (RFC 4959 section 3) */
		return plain_take(session, span_eq(initial, span_of("=")) ? span_cut(initial, 1, 0)
									  : initial);
	session->expect = SESSION_EXPECT_SASL;
	session->go_on = "";
	return NULL;
}

void cmd_authenticate_line(struct session *session, struct span line)
{
	while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
		line.len--;
	session->expect = SESSION_EXPECT_COMMAND;
	session->answer = span_eq(line, span_of("*")) ? "BAD Cancelled" : plain_take(session, line);
	if (session->answer != NULL)
		command_drop(session);
}

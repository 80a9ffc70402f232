/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <errno.h>

int mailbox_decode(const struct wire_string *string, uint8_t *out, size_t out_bytes)
{
	uint8_t *spelled = out + out_bytes / 2;
	size_t len = wire_string_copy(string, spelled, out_bytes - out_bytes / 2);
	int name_len;

	if (len == SIZE_MAX || len > out_bytes / 2)
		return -EINVAL;
	name_len = wire_utf7_decode((struct span){spelled, len}, out, out_bytes / 2);
	return name_len < 0 ? -EINVAL : name_len;
}

int mailbox_take(struct session *session, struct wire_cursor *cursor, uint32_t *number_r)
{
	struct session_engine *engine = session->engine;
	struct wire_string string;
	int len, number;

	if (wire_astring(cursor, &string) < 0)
		return -EINVAL;
	/* What cannot be spelled names no mailbox: that is no fault of syntax. */
	len = mailbox_decode(&string, engine->temp, sizeof(engine->temp));
	if (len < 0)
		return -ENOENT;
	number = store_mailbox_find(session->account, (struct span){engine->temp, (size_t)len});
	if (number < 0)
		return -ENOENT;
	*number_r = (uint32_t)number;
	return 0;
}

void mailbox_put(struct session *session, struct wire_text *text, struct span name)
{
	struct session_engine *engine = session->engine;
	int len = wire_utf7_encode(name, engine->temp, sizeof(engine->temp));

	/* The store takes names of at most 1000 bytes of UTF-8; one that is damaged shows as "". */
	wire_text_string(text, (struct span){engine->temp, len < 0 ? 0 : (size_t)len});
}

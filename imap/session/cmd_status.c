/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>

enum status_item {
	STATUS_MESSAGES,
	STATUS_RECENT,
	STATUS_UIDNEXT,
	STATUS_UIDVALIDITY,
	STATUS_UNSEEN,
	STATUS_DELETED, /* RFC 9051 */
	STATUS_SIZE,	/* RFC 8438 */
	STATUS_ITEMS
};

static const char *const item_names[STATUS_ITEMS] = {
	"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE",
};

int status_items_take(struct wire_cursor *cursor, uint32_t *items_r)
{
	*items_r = 0;
	if (wire_char(cursor, '(') < 0)
		return -EINVAL;
	do {
		struct span name;
		unsigned item = 0;

		if (wire_atom(cursor, &name) < 0)
			return -EINVAL;
		while (item < STATUS_ITEMS && !span_eq_fold(name, span_of(item_names[item])))
			item++;
		if (item == STATUS_ITEMS)
			return -EINVAL;
		*items_r |= 1u << item;
	} while (wire_space(cursor) > 0);
	return wire_char(cursor, ')') < 0 ? -EINVAL : 0;
}

static uint64_t item_value(const struct store_mailbox_info *info, unsigned item)
{
	const uint64_t values[STATUS_ITEMS] = {
		info->messages, info->recent,  info->uidnext, info->uidvalidity,
		info->unseen,	info->deleted, info->size,
	};

	return values[item];
}

void status_put(struct session *session, struct wire_text *text,
		const struct store_mailbox_info *info, uint32_t items)
{
	const char *separator = " (";

	wire_text_str(text, "* STATUS ");
	mailbox_put(session, text, info->name);
	for (unsigned item = 0; item < STATUS_ITEMS; item++) {
		if ((items & 1u << item) == 0)
			continue;
		wire_text_str(text, separator);
		wire_text_str(text, item_names[item]);
		wire_text_str(text, " ");
		wire_text_number(text, item_value(info, item));
		separator = " ";
	}
	wire_text_str(text, ")\r\n");
}

const char *cmd_status_begin(struct session *session, struct wire_cursor *cursor)
{
	struct store_mailbox_info info;
	int status;

	if (wire_space(cursor) < 0)
		return answer_arguments;
	status = mailbox_take(session, cursor, &session->args[0]);
	if (status == -EINVAL || wire_space(cursor) < 0 ||
	    status_items_take(cursor, &session->args[1]) != 0 || wire_end(cursor) < 0)
		return answer_arguments;
	if (status != 0)
		return answer_no_mailbox;
	store_mailbox_info(session->account, session->args[0], &info);
	if ((info.attributes & STORE_NONEXISTENT) != 0)
		return answer_no_mailbox;
	return (info.attributes & STORE_NOSELECT) != 0 ? answer_not_selectable : NULL;
}

enum row cmd_status_row(struct session *session, struct wire_text *text)
{
	struct store_mailbox_info info;

	if (session->row == 1) {
		session->answer = "OK STATUS completed";
		return ROW_END;
	}
	store_mailbox_info(session->account, session->args[0], &info);
	status_put(session, text, &info, session->args[1]);
	return ROW_TEXT;
}

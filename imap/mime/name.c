/* SPDX-License-Identifier: Apache-2.0 */
#include "name.h"

_Static_assert(NAME_IDS <= 64, "a set of known names is one 64-bit mask");

static const char *const names[NAME_IDS] = {
	[NAME_DATE] = "date",
	[NAME_FROM] = "from",
	[NAME_TO] = "to",
	[NAME_CC] = "cc",
	[NAME_SUBJECT] = "subject",
	[NAME_MESSAGE_ID] = "message-id",
	[NAME_REFERENCES] = "references",
	[NAME_IN_REPLY_TO] = "in-reply-to",
	[NAME_REPLY_TO] = "reply-to",
	[NAME_CONTENT_TYPE] = "content-type",
	[NAME_BCC] = "bcc",
	[NAME_SENDER] = "sender",
	[NAME_MIME_VERSION] = "mime-version",
	[NAME_CONTENT_TRANSFER_ENCODING] = "content-transfer-encoding",
	[NAME_LIST_ID] = "list-id",
	[NAME_LIST_UNSUBSCRIBE] = "list-unsubscribe",
	[NAME_LIST_POST] = "list-post",
	[NAME_PRIORITY] = "priority",
	[NAME_X_PRIORITY] = "x-priority",
	[NAME_IMPORTANCE] = "importance",
	[NAME_NEWSGROUPS] = "newsgroups",
	[NAME_RETURN_PATH] = "return-path",
	[NAME_DELIVERED_TO] = "delivered-to",
	[NAME_X_MAILER] = "x-mailer",
	[NAME_USER_AGENT] = "user-agent",
	[NAME_DISPOSITION_NOTIFICATION_TO] = "disposition-notification-to",
	[NAME_AUTO_SUBMITTED] = "auto-submitted",
	[NAME_PRECEDENCE] = "precedence",
	[NAME_RECEIVED] = "received",
	[NAME_DKIM_SIGNATURE] = "dkim-signature",
	[NAME_ARC_SEAL] = "arc-seal",
	[NAME_ARC_MESSAGE_SIGNATURE] = "arc-message-signature",
	[NAME_ARC_AUTHENTICATION_RESULTS] = "arc-authentication-results",
	[NAME_AUTHENTICATION_RESULTS] = "authentication-results",
	[NAME_RECEIVED_SPF] = "received-spf",
	[NAME_DOMAINKEY_SIGNATURE] = "domainkey-signature",
	[NAME_X_ORIGINAL_TO] = "x-original-to",
	[NAME_ENVELOPE_TO] = "envelope-to",
	[NAME_ERRORS_TO] = "errors-to",
	[NAME_RESENT_DATE] = "resent-date",
	[NAME_RESENT_FROM] = "resent-from",
	[NAME_RESENT_TO] = "resent-to",
	[NAME_RESENT_MESSAGE_ID] = "resent-message-id",
	[NAME_LIST_SUBSCRIBE] = "list-subscribe",
	[NAME_LIST_HELP] = "list-help",
	[NAME_LIST_ARCHIVE] = "list-archive",
	[NAME_LIST_OWNER] = "list-owner",
	[NAME_LIST_UNSUBSCRIBE_POST] = "list-unsubscribe-post",
	[NAME_FEEDBACK_ID] = "feedback-id",
	[NAME_ORGANIZATION] = "organization",
	[NAME_THREAD_TOPIC] = "thread-topic",
	[NAME_THREAD_INDEX] = "thread-index",
	[NAME_CONTENT_DISPOSITION] = "content-disposition",
	[NAME_CONTENT_ID] = "content-id",
	[NAME_CONTENT_DESCRIPTION] = "content-description",
	[NAME_CONTENT_LANGUAGE] = "content-language",
	[NAME_X_SPAM_STATUS] = "x-spam-status",
	[NAME_X_SPAM_FLAG] = "x-spam-flag",
	[NAME_X_SPAM_LEVEL] = "x-spam-level",
};

enum { NAME_LEN_MAX = 27 };

enum name_id name_find(struct span name)
{
	if (name.len < 2 || name.len > NAME_LEN_MAX)
		return NAME_UNKNOWN;
	for (unsigned id = 1; id < NAME_IDS; id++)
		if (span_lower(name.ptr[0]) == (uint8_t)names[id][0] &&
		    span_eq_fold(name, span_of(names[id])))
			return id;
	return NAME_UNKNOWN;
}

unsigned name_bucket(struct span name)
{
	uint32_t hash = 2166136261u; /* FNV-1a; nothing relies on it being hard to aim at */

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ span_lower(name.ptr[i])) * 16777619u;
	return (hash ^ hash >> 16) & 63;
}

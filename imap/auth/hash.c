/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"

static int hash_with(const char *password, const char *setting, char hash_r[384 + 1])
{
	struct crypt_data *data = calloc(1, sizeof(*data)); /* 32 KiB: not on the stack */
	const char *hash;
	int status = 0;

	if (data == NULL)
		return -ENOMEM;
	hash = crypt_rn(password, setting, data, (int)sizeof(*data));
	if (hash == NULL || hash[0] == '*' || strlen(hash) > 384)
		status = -EINVAL;
	else
		memcpy(hash_r, hash, strlen(hash) + 1);
	explicit_bzero(data, sizeof(*data));
	free(data);
	return status;
}

int auth_hash(const char *password, const char *prefix, char hash_r[384 + 1])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	if (strlen(password) > AUTH_PASSWORD_BYTES_MAX)
		return -EINVAL;
	if (crypt_gensalt_rn(prefix != NULL ? prefix : "$y$", 0, NULL, 0, setting,
			     sizeof(setting)) == NULL)
		return -errno;
	return hash_with(password, setting, hash_r);
}

/* Reads both to the end whatever differs, so that time tells nothing of where. */
static bool equal_constant_time(const char *a, const char *b, size_t len)
{
	volatile unsigned char difference = 0;

	for (size_t i = 0; i < len; i++)
		difference = (unsigned char)(difference | (a[i] ^ b[i]));
	return difference == 0;
}

bool hash_verify(const char *password, const char *hash)
{
	char made[384 + 1];
	bool equal = hash_with(password, hash, made) == 0 && strlen(made) == strlen(hash) &&
		     equal_constant_time(made, hash, strlen(hash));

	explicit_bzero(made, sizeof(made));
	return equal;
}

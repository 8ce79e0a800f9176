/* SPDX-License-Identifier: BSD-2-Clause */
/* What the responder is born with: see responder.h. */
#include "daemon/responder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/tls.h"
#include "conf/file.h"

/* A file's bytes, and how many. */
struct pem {
	char *bytes;
	size_t length;
};

static void pem_free(struct pem *p)
{
	if (p->bytes)
		explicit_bzero(p->bytes, p->length);
	free(p->bytes);
}

static int pem_fail(struct err *e, const char *key, const char *path, const char *why, int code)
{
	char shown[FILE_SHOWN_MAX];

	return err_set(e, code, "responder.%s: %s: %s", key, file_shown(path, shown), why);
}

static int pem_read(int fd, const char *key, const char *path, struct pem *out, struct err *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return pem_fail(e, key, path, strerror(errno), -errno);
	if (!S_ISREG(st.st_mode))
		return pem_fail(e, key, path, "not a regular file", -EINVAL);
	if (st.st_size > RESPONDER_PEM_MAX)
		return pem_fail(e, key, path, "larger than any certificate or key", -EFBIG);
	out->bytes = malloc(RESPONDER_PEM_MAX);
	if (!out->bytes)
		return pem_fail(e, key, path, strerror(ENOMEM), -ENOMEM);
	do {
		n = read(fd, out->bytes + out->length, RESPONDER_PEM_MAX - out->length);
		out->length += n > 0 ? (size_t)n : 0;
	} while (n > 0 && out->length < RESPONDER_PEM_MAX);
	return n < 0 ? pem_fail(e, key, path, strerror(errno), -errno) : 0;
}

static int pem_load(const char *key, const char *path, struct pem *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), ret;

	if (fd < 0)
		return pem_fail(e, key, path, strerror(errno), -errno);
	ret = pem_read(fd, key, path, out, e);
	close(fd);
	return ret;
}

/* Does a server come of it? */
static int pem_try(const struct conf *c, const struct pem *chain, const struct pem *key,
		   struct err *e)
{
	char shown[FILE_SHOWN_MAX];
	struct tls_server *server = NULL;
	int ret;

	tls_prepare();
	ret = tls_server_new(&server, chain->bytes, chain->length, key->bytes, key->length, e);
	tls_server_free(server);
	if (ret < 0)
		err_prefix(e, "responder.certificate: %s and its key",
			   file_shown(c->responder.certificate, shown));
	return ret;
}

/* Both, or neither. */
static int pems_load(const struct conf *c, struct pem *chain, struct pem *key, struct err *e)
{
	int ret;

	if (!c->responder.certificate[0] && !c->responder.key[0])
		return 0;
	if (!c->responder.certificate[0])
		return err_set(e, -EINVAL, "responder.key has no responder.certificate beside it");
	if (!c->responder.key[0])
		return err_set(e, -EINVAL, "responder.certificate has no responder.key beside it");
	ret = pem_load("certificate", c->responder.certificate, chain, e);
	if (ret == 0)
		ret = pem_load("key", c->responder.key, key, e);
	return ret < 0 ? ret : pem_try(c, chain, key, e);
}

/* Into a greeting, where a space would end it. */
static bool is_name(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static int texts_take(const struct conf *c, struct reply_settings *out, struct err *e)
{
	char host[REPLY_NAME_MAX] = "";
	const char *name = c->responder.name;

	if (!*name) {
		if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
			strcpy(host, "localhost");
		name = host;
	}
	if (strlen(name) >= sizeof(out->name) || !is_name(name))
		return err_set(e, -EINVAL,
			       "responder.name is no name of a host: at most %zu bytes, no spaces",
			       sizeof(out->name) - 1);
	if (strlen(c->responder.contact) >= sizeof(out->contact) ||
	    !text_is_plain(c->responder.contact, sizeof(c->responder.contact)))
		return err_set(e, -EINVAL,
			       "responder.contact does not fit into an SMTP reply: at most %zu "
			       "bytes of printable ASCII",
			       sizeof(out->contact) - 1);
	memcpy(out->name, name, strlen(name) + 1);
	memcpy(out->contact, c->responder.contact, strlen(c->responder.contact) + 1);
	return 0;
}

int responder_settings_make(const struct conf *c, struct responder_settings **out, size_t *length,
			    struct err *e)
{
	struct pem chain = {0}, key = {0};
	struct responder_settings *s = NULL;
	int ret = pems_load(c, &chain, &key, e);

	if (ret < 0)
		goto out;
	*length = sizeof(*s) + chain.length + key.length;
	s = calloc(1, *length);
	if (!s) {
		ret = err_set(e, -ENOMEM, "no memory for the responder's settings");
		goto out;
	}
	s->reply.at_greeting = c->responder.speak_at == CONF_SPEAK_GREETING;
	s->reply.connections = c->responder.connections;
	ret = texts_take(c, &s->reply, e);
	if (ret < 0)
		goto out;
	s->chain_length = (uint32_t)chain.length;
	s->key_length = (uint32_t)key.length;
	if (chain.length)
		memcpy(s->pem, chain.bytes, chain.length);
	if (key.length)
		memcpy(s->pem + chain.length, key.bytes, key.length);
	*out = s;
	s = NULL;
out:
	free(s);
	pem_free(&chain);
	pem_free(&key);
	return ret;
}

int responder_settings_try(const struct conf *c, const char *path, struct err *e)
{
	struct responder_settings *s = NULL;
	size_t length = 0;
	int ret;

	if (c->charge == CONF_CHARGE_SYN)
		return 0;
	ret = responder_settings_make(c, &s, &length, e);
	if (ret < 0)
		err_prefix(e, "%s", path);
	responder_settings_free(s);
	return ret;
}

void responder_settings_free(struct responder_settings *s)
{
	if (!s)
		return;
	explicit_bzero(s->pem, (size_t)s->chain_length + s->key_length);
	free(s);
}

const struct responder_settings *responder_settings_check(const void *bytes, size_t length)
{
	const struct responder_settings *s = bytes;

	if (length < sizeof(*s) || s->chain_length > RESPONDER_PEM_MAX ||
	    s->key_length > RESPONDER_PEM_MAX || !s->chain_length != !s->key_length ||
	    length != sizeof(*s) + s->chain_length + s->key_length)
		return NULL;
	return s;
}

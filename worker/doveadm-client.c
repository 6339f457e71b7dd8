/* Dovecot's doveadm HTTP API, through libcurl and jansson. */

#include "doveadm-client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "doveadm-answer.h"
#include "base/printable.h"
#include "worker.h"

#define CONNECT_MS 2000
#define ANSWER_MS  10000
/* About all who are logged in, 100,000 on a busy host. */
#define ANSWER_ALL_MS 60000
#define ANSWER_MAX    (64U << 20)

struct doveadm {
	CURL *curl;
	char curl_error[CURL_ERROR_SIZE];
	char error[CURL_ERROR_SIZE + 256];
	char *answer;
	size_t answer_size;
};

struct doveadm *doveadm_create(void)
{
	struct doveadm *client = calloc(1, sizeof(*client));

	if (client == NULL)
		abort();
	client->curl = curl_easy_init();
	if (client->curl == NULL)
		doveadm_free(&client);
	return client;
}

static void clear_answer(struct doveadm *client)
{
	free(client->answer);
	client->answer = NULL;
	client->answer_size = 0;
}

void doveadm_free(struct doveadm **_client)
{
	struct doveadm *client = *_client;

	*_client = NULL;
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	clear_answer(client);
	free(client);
}

/* Sets the error: one printable line. Always -1. */
__attribute__((format(printf, 2, 3))) static int fail(struct doveadm *client, const char *format,
						      ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(client->error, sizeof(client->error), format, args);
	va_end(args);
	make_printable(client->error, "\"");
	return -1;
}

static size_t take_answer(char *bytes, size_t one, size_t size, void *context)
{
	struct doveadm *client = context;
	char *longer;

	(void)one;
	if (size > ANSWER_MAX - client->answer_size)
		return 0;
	longer = realloc(client->answer, client->answer_size + size + 1);
	if (longer == NULL)
		return 0;
	memcpy(longer + client->answer_size, bytes, size);
	client->answer = longer;
	client->answer_size += size;
	longer[client->answer_size] = '\0';
	return size;
}

/* "Authorization: Basic BASE64", for wipe_header(). */
static struct curl_slist *make_header(const char *password)
{
	static const char name[] = "Authorization: Basic ", user[] = "doveadm:";
	size_t plain_size = sizeof(user) - 1 + strlen(password);
	size_t size = sizeof(name) + (plain_size + 2) / 3 * 4 + 1;
	char *plain = OPENSSL_secure_malloc(plain_size + 1), *line = OPENSSL_secure_malloc(size);
	struct curl_slist *headers = NULL;

	if (plain != NULL && line != NULL) {
		memcpy(plain, user, sizeof(user) - 1);
		strcpy(plain + sizeof(user) - 1, password);
		memcpy(line, name, sizeof(name) - 1);
		EVP_EncodeBlock((unsigned char *)line + sizeof(name) - 1,
				(const unsigned char *)plain, (int)plain_size);
		headers = curl_slist_append(NULL, line);
	}
	OPENSSL_secure_clear_free(plain, plain_size + 1);
	OPENSSL_secure_clear_free(line, size);
	return headers;
}

static void wipe_header(struct curl_slist *headers)
{
	if (headers != NULL)
		OPENSSL_cleanse(headers->data, strlen(headers->data));
	curl_slist_free_all(headers);
}

/* Lets nothing that takes long hold the worker's end up. */
static int on_progress(void *context, curl_off_t to_get, curl_off_t got, curl_off_t to_send,
		       curl_off_t sent)
{
	(void)context;
	(void)to_get;
	(void)got;
	(void)to_send;
	(void)sent;
	return worker_stopping() ? 1 : 0;
}

static void set_options(struct doveadm *client, const char *url, struct curl_slist *headers,
			const char *body, long deadline)
{
	CURL *curl = client->curl;

	/* Connections stay. */
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, deadline);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
}

/* One request: 0 with its answer in the client. */
static int post(struct doveadm *client, const struct settings *settings, const char *body,
		long deadline)
{
	const char *url = settings->worker.doveadm_url;
	const char *password = settings->secrets->doveadm_password;
	struct curl_slist *headers;
	CURLcode code;
	long status = 0;

	clear_answer(client);
	if (password == NULL)
		return fail(client, "expected password in [doveadm] of %s.worker",
			    settings->secrets_file);
	headers = make_header(password);
	if (headers == NULL)
		return fail(client, "out of memory");
	client->curl_error[0] = '\0';
	set_options(client, url, headers, body, deadline);
	code = curl_easy_perform(client->curl);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
	wipe_header(headers);
	if (code != CURLE_OK)
		return fail(client, "doveadm at %s: %s", url,
			    client->curl_error[0] != '\0' ? client->curl_error
							  : curl_easy_strerror(code));
	if (status != 200)
		return fail(client, "doveadm at %s: HTTP status %ld", url, status);
	return 0;
}

/* Runs one command, whose parameters it takes over. Its rows, for json_decref(); NULL when it
   fails, with its exit status if it got as far as that, else 0. */
static json_t *run(struct doveadm *client, const struct settings *settings, const char *command,
		   json_t *parameters, long deadline, int *status_r)
{
	json_t *request = json_pack("[[s, o, s]]", command, parameters, "postern");
	struct doveadm_failure failure = { 0 };
	json_t *rows = NULL;
	char *body = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);

	json_decref(request);
	if (body == NULL) {
		fail(client, "out of memory");
	} else if (post(client, settings, body, deadline) == 0) {
		rows = doveadm_answer_read(client->answer != NULL ? client->answer : "",
					   client->answer_size, &failure);
		if (rows == NULL)
			fail(client, "doveadm %s: %s %d%s", command, failure.type,
			     failure.exit_code,
			     strcmp(failure.type, "unAuthorized") == 0
				     ? ": see doveadm_allowed_commands"
				     : "");
	}
	*status_r = failure.exit_code;
	clear_answer(client);
	free(body);
	return rows;
}

/* {"users": [...]}, or {"all": true} for none. */
static json_t *accounts_parameter(const char *const accounts[], size_t count)
{
	json_t *users = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(users, json_string(accounts[i]));
	if (count > 0)
		return json_pack("{s: o}", "users", users);
	json_decref(users);
	return json_pack("{s: b}", "all", 1);
}

static enum doveadm_ended read_ended(const char *status)
{
	if (strcmp(status, "done") == 0)
		return DOVEADM_ENDED;
	return strcmp(status, "waiting") == 0 ? DOVEADM_ENDED_WAITING : DOVEADM_ENDED_UNKNOWN;
}

int doveadm_end_sessions(struct doveadm *client, const struct settings *settings,
			 const char *const accounts[], size_t count,
			 doveadm_ended_callback_t *callback, void *context, const char **error_r)
{
	json_t *rows, *row;
	size_t i;
	int status;

	*error_r = client->error;
	rows = run(client, settings, "posternSessionsEnd", accounts_parameter(accounts, count),
		   count > 0 ? ANSWER_MS : ANSWER_ALL_MS, &status);
	if (rows == NULL)
		return -1;
	json_array_foreach(rows, i, row)
	{
		const char *user, *word, *text;
		int ended;

		if (json_unpack(row, "{s: s, s: s, s: i, s: s}", "user", &user, "status", &word,
				"ended", &ended, "text", &text) < 0 ||
		    ended < 0)
			continue;
		callback(context, user, read_ended(word), ended, text);
	}
	json_decref(rows);
	return 0;
}

/* What a row says of the notice. */
static enum doveadm_found read_delivered(struct doveadm *client, json_t *row)
{
	static const struct {
		const char *status;
		enum doveadm_found found;
	} words[] = {
		{ "yes", DOVEADM_FOUND },
		{ "no", DOVEADM_NOT_FOUND },
		{ "unknown-user", DOVEADM_NO_USER },
	};
	const char *status = "no answer", *text = "";

	json_unpack(row, "{s: s, s: s}", "status", &status, "text", &text);
	fail(client, "doveadm postern notice delivered: %s: %s", status, text);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(status, words[i].status) == 0)
			return words[i].found;
	}
	return DOVEADM_UNKNOWN;
}

enum doveadm_found doveadm_delivered(struct doveadm *client, const struct settings *settings,
				     const struct account_name *account,
				     const struct notice_number *number, const char **error_r)
{
	char text[NOTICE_NUMBER_SIZE];
	enum doveadm_found found;
	json_t *rows;
	int status;

	*error_r = client->error;
	notice_number_write(number, text);
	rows = run(client, settings, "posternNoticeDelivered",
		   json_pack("{s: s, s: s}", "account", account->text, "number", text), ANSWER_MS,
		   &status);
	if (rows == NULL)
		return DOVEADM_UNKNOWN;
	found = read_delivered(client, json_array_get(rows, 0));
	json_decref(rows);
	return found;
}

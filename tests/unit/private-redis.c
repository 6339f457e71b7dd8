#include "private-redis.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#define READY_SECONDS 10
#define WORDS_MAX     16

static int remove_entry(const char *path, const struct stat *entry, int type, struct FTW *at)
{
	(void)entry;
	(void)type;
	(void)at;
	return remove(path);
}

int private_redis_run(int (*tests)(struct private_redis *redis))
{
	struct private_redis redis = { .directory = "/tmp/postern-store.XXXXXX" };
	int status = 1;
	pid_t child;

	if (mkdtemp(redis.directory) == NULL)
		return 1;
	snprintf(redis.socket, sizeof(redis.socket), "%s/redis.sock", redis.directory);
	redis.port = free_port();
	fflush(stdout);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		status = tests(&redis);
		private_redis_stop(&redis);
		exit(status);
	}
	if (child > 0)
		waitpid(child, &status, 0);
	nftw(redis.directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void become_redis(const struct private_redis *redis)
{
	char port[16];

	snprintf(port, sizeof(port), "%u", redis->port);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The sanitizers' settings are not for Redis. */
	unsetenv("LD_PRELOAD");
	execlp("redis-server", "redis-server", "--bind", "127.0.0.1", "--port", port,
	       "--unixsocket", redis->socket, "--dir", redis->directory, "--logfile", "redis.log",
	       "--save", "", "--appendonly", "no", (char *)NULL);
	perror("redis-server");
	_exit(127);
}

int private_redis_start(struct private_redis *redis)
{
	redis->pid = fork();
	if (redis->pid == 0)
		become_redis(redis);
	for (int i = 0; redis->pid > 0 && i < READY_SECONDS * 200; i++) {
		if (waitpid(redis->pid, NULL, WNOHANG) != 0)
			break;
		if (strcmp(private_redis_say(redis, "PING", NULL), "PONG") == 0)
			return 0;
		usleep(5000);
	}
	private_redis_stop(redis);
	return -1;
}

void private_redis_stop(struct private_redis *redis)
{
	if (redis->pid <= 0)
		return;
	kill(redis->pid, SIGKILL);
	waitpid(redis->pid, NULL, 0);
	redis->pid = 0;
	unlink(redis->socket);
}

const char *private_redis_say(const struct private_redis *redis, const char *command, ...)
{
	static char text[256];
	const char *words[WORDS_MAX] = { command };
	redisContext *connection = redisConnectUnix(redis->socket);
	redisReply *reply = NULL;
	int count = 1;
	va_list args;

	va_start(args, command);
	while (count < WORDS_MAX && (words[count] = va_arg(args, const char *)) != NULL)
		count++;
	va_end(args);
	snprintf(text, sizeof(text), "no answer");
	if (connection != NULL && connection->err == 0)
		reply = redisCommandArgv(connection, count, words, NULL);
	if (reply != NULL && reply->str != NULL)
		snprintf(text, sizeof(text), "%s", reply->str);
	else if (reply != NULL)
		snprintf(text, sizeof(text), "%lld", reply->integer);
	freeReplyObject(reply);
	if (connection != NULL)
		redisFree(connection);
	return text;
}

unsigned int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		abort();
	close(fd);
	return ntohs(address.sin_port);
}

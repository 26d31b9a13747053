<?php
/** The service: how it is asked, and what its answers mean. */

namespace Tagdesk;

use WP_Error;

defined('ABSPATH') || exit;

const MAX_ANSWER = 1000000;

/**
 * Ask the service.
 *
 * @param array|null $body What to post; null makes it a GET.
 * @param float $limit Seconds in all: name, connection, sending, waiting, receiving.
 * @return array|WP_Error `refused` where another try is no use, else `failed`.
 */
function ask(string $path, ?array $body, float $limit)
{
    if (!function_exists('curl_init')) {
        $reason = __('PHP has no curl, without which no time limit holds: install php-curl', 'tagdesk');
        return new WP_Error('failed', $reason);
    }
    $settings = settings();
    $headers = ['Accept' => 'application/json'];
    $headers += $settings['key'] ? ['Authorization' => 'Bearer ' . $settings['key']] : [];
    $headers += null === $body ? [] : ['Content-Type' => 'application/json'];
    // WordPress rounds a limit below a second up, and asks twice where an answer's compression is broken.
    $strict = function ($handle) use ($limit): void {
        curl_setopt($handle, CURLOPT_NOSIGNAL, true);
        curl_setopt($handle, CURLOPT_TIMEOUT_MS, max(1, (int) ($limit * 1000)));
        curl_setopt($handle, CURLOPT_CONNECTTIMEOUT_MS, max(1, (int) ($limit * 1000)));
        curl_setopt($handle, CURLOPT_ENCODING, null);
    };
    add_action('http_api_curl', $strict, PHP_INT_MAX);
    try {
        $reply = wp_remote_request($settings['url'] . $path, [
            'method' => null === $body ? 'GET' : 'POST',
            'headers' => $headers,
            'body' => null === $body ? null : wp_json_encode($body, JSON_INVALID_UTF8_SUBSTITUTE),
            'timeout' => $limit,
            'redirection' => 0,
            'limit_response_size' => MAX_ANSWER,
        ]);
    } finally {
        remove_action('http_api_curl', $strict, PHP_INT_MAX);
    }
    return read_reply($reply);
}

/** @return array|WP_Error */
function read_reply($reply)
{
    if (is_wp_error($reply)) {
        /* translators: %s: the reason, as curl gives it */
        return new WP_Error('failed', sprintf(__('no answer, %s', 'tagdesk'), short($reply->get_error_message())));
    }
    $status = (int) wp_remote_retrieve_response_code($reply);
    $type = (string) wp_remote_retrieve_header($reply, 'content-type');
    $value = json_decode(wp_remote_retrieve_body($reply), true, 32);
    if (in_array($status, [200, 202], true)) {
        /* translators: %d: the status of an HTTP response */
        $nonsense = __('it answered %d without JSON: is this its address?', 'tagdesk');
        return is_array($value) ? $value : new WP_Error('failed', sprintf($nonsense, $status));
    }
    $is_problem = 0 === strpos($type, 'application/problem+json') && is_string($value['detail'] ?? null);
    $reason = $is_problem
        /* translators: 1: the status of an HTTP response, 2: the reason, as the service gives it */
        ? sprintf(__('it answered %1$d, %2$s', 'tagdesk'), $status, rtrim(short($value['detail']), '.'))
        /* translators: %d: the status of an HTTP response */
        : sprintf(__('it answered %d', 'tagdesk'), $status);
    // The rest, a wrong key and a wrong address too, may be put right without the post.
    $is_final = $is_problem && in_array($status, [400, 409, 413, 422], true);
    return new WP_Error($is_final ? 'refused' : 'failed', $reason);
}

/** A text of somebody else's, short and without markup. */
function short(string $text): string
{
    return mb_substr(sanitize_text_field($text), 0, 200);
}

<?php
/** The settings, and how the service does with them. */

namespace Tagdesk;

defined('ABSPATH') || exit;

const OPTION = 'tagdesk';
/** The taxonomies of WordPress that topics may become terms of. */
const TAXONOMIES = ['post_tag', 'category'];

/** The settings; TAGDESK_URL and TAGDESK_KEY of wp-config.php go first. */
function settings(): array
{
    $stored = get_option(OPTION);
    $settings = array_merge(
        ['url' => 'http://127.0.0.1:8080', 'key' => '', 'taxonomy' => 'post_tag', 'bands' => 'auto', 'limit' => 2.0],
        is_array($stored) ? $stored : []
    );
    $settings['url'] = defined('TAGDESK_URL') ? TAGDESK_URL : $settings['url'];
    $settings['key'] = defined('TAGDESK_KEY') ? TAGDESK_KEY : $settings['key'];
    return $settings;
}

/** The bands whose topics are applied unseen. */
function applied_bands(): array
{
    return ['none' => [], 'auto' => ['auto'], 'all' => ['auto', 'suggest']][settings()['bands']];
}

/** What the form sent, as it is stored: each field valid, an empty key the one that was there. */
function clean_settings($sent): array
{
    $sent = is_array($sent) ? $sent : [];
    $before = array_merge(['url' => 'http://127.0.0.1:8080', 'key' => ''], (array) get_option(OPTION, []));
    $url = untrailingslashit(esc_url_raw(trim((string) ($sent['url'] ?? '')), ['http', 'https']));
    $key = preg_replace('/[^\x21-\x7e]/', '', (string) ($sent['key'] ?? ''));
    return [
        'url' => $url ?: $before['url'],
        'key' => empty($sent['forget']) ? ($key ?: $before['key']) : '',
        'taxonomy' => in_array($sent['taxonomy'] ?? '', TAXONOMIES, true) ? $sent['taxonomy'] : 'post_tag',
        'bands' => in_array($sent['bands'] ?? '', ['none', 'auto', 'all'], true) ? $sent['bands'] : 'auto',
        'limit' => min(10.0, max(0.2, (float) ($sent['limit'] ?? 2.0))),
    ];
}

/** How the service does, and what waits for it, in a sentence or two. */
function status(): string
{
    $topics = fetch_topics(settings()['limit']);
    if (is_wp_error($topics)) {
        /* translators: %s: the reason, such as "no answer" */
        $state = sprintf(__('Tagdesk cannot be used: %s.', 'tagdesk'), $topics->get_error_message());
    } else {
        /* translators: %d: how many topics the service has */
        $answers = _n('Tagdesk answers, with %d topic.', 'Tagdesk answers, with %d topics.', count($topics), 'tagdesk');
        $state = sprintf($answers, count($topics));
    }
    $waiting = count(waiting(RETRY)) + count(waiting(FEEDBACK));
    if (!$waiting) {
        return $state;
    }
    /* translators: %d: a number */
    $many = $waiting < MOST_WAITING ? (string) $waiting : sprintf(__('%d or more', 'tagdesk'), $waiting);
    /* translators: %s: a number, or "200 or more" */
    return $state . ' ' . sprintf(__('Posts and corrections that wait for it: %s.', 'tagdesk'), $many);
}

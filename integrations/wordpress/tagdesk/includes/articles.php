<?php
/** A post as an article, and the service's answer to it. */

namespace Tagdesk;

use WP_Error;
use WP_Post;

defined('ABSPATH') || exit;

/** The longest HTML that the service reads; longer posts are sent as text. */
const MAX_HTML = 262144;
const MAX_TEXT = 1000000;
const MAX_TITLE = 10000;
/** How deep page builders' rows, columns and boxes may stand in one another. */
const MAX_DEPTH = 20;

/** A post as an article. */
function article(WP_Post $post, ?string $title = null, ?string $content = null): array
{
    $title = wp_strip_all_tags(html_entity_decode($title ?? $post->post_title, ENT_QUOTES | ENT_HTML5, 'UTF-8'));
    $html = without_shortcodes($content ?? $post->post_content);
    $body = mb_strlen($html) > MAX_HTML
        ? ['body' => mb_substr(wp_strip_all_tags($html), 0, MAX_TEXT)]
        : ['body_html' => $html];
    $url = 'publish' === $post->post_status ? ['url' => (string) get_permalink($post)] : [];
    return ['id' => article_id($post), 'title' => mb_substr($title, 0, MAX_TITLE)] + $body + $url;
}

/**
 * HTML without the brackets of shortcodes, but with what they enclose: page builders put the whole text between them.
 * (WordPress's own strip_shortcodes takes that away too.)
 */
function without_shortcodes(string $html): string
{
    $pattern = '/' . get_shortcode_regex() . '/';
    for ($depth = 0; $depth < MAX_DEPTH; $depth++) {
        $inner = preg_replace($pattern, '$5', $html);
        if (null === $inner || $inner === $html) {
            break;
        }
        $html = $inner;
    }
    return $html;
}

/** The post's name among the articles of all sites that share a service. */
function article_id(WP_Post $post): string
{
    return substr(preg_replace('#^https?://#', '', home_url('/')), 0, 230) . "?p={$post->ID}";
}

/**
 * The topics of an answer by their ids, most likely first.
 *
 * @return array|WP_Error
 */
function given(array $answer)
{
    $nonsense = new WP_Error(
        'failed',
        __('its answer does not look like one of Tagdesk: is this its address?', 'tagdesk')
    );
    if (!is_string($answer['model'] ?? null) || !is_array($answer['topics'] ?? null)) {
        return $nonsense;
    }
    $given = [];
    foreach ($answer['topics'] as $topic) {
        $name = is_string($topic['name'] ?? null) ? clean_name($topic['name']) : '';
        $is_topic = is_string($topic['id'] ?? null) && preg_match('/^[a-z0-9][a-z0-9._-]{0,63}$/D', $topic['id'])
            && in_array($topic['band'] ?? null, ['auto', 'suggest'], true) && is_numeric($topic['confidence'] ?? null);
        if (!$is_topic || '' === $name) {
            return $nonsense;
        }
        $confidence = (float) $topic['confidence'];
        $given[$topic['id']] = ['name' => $name, 'band' => $topic['band'], 'confidence' => $confidence];
    }
    return $given;
}

/** The strongest words for a topic of an answer, each once. */
function evidence_words(array $topic): array
{
    $words = [];
    foreach (is_array($topic['evidence'] ?? null) ? $topic['evidence'] : [] as $evidence) {
        if (is_string($evidence['text'] ?? null) && ($evidence['weight'] ?? 0) > 0) {
            $words[folded($evidence['text'])] = short($evidence['text']);
        }
    }
    return array_slice(array_values($words), 0, 5);
}

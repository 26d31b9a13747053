<?php
/** The service's topics, and the terms that stand for them. */

namespace Tagdesk;

use WP_Error;

defined('ABSPATH') || exit;

/** On a term: the id of the topic that it stands for, whatever the newsroom calls it. */
const TOPIC = 'tagdesk_topic';
/** The option that keeps the names of all topics. */
const TOPICS = 'tagdesk_topics';
const MAX_NAME = 190;

/**
 * Ask for all topics, and keep their names.
 *
 * @return array|WP_Error Names by the ids of topics.
 */
function fetch_topics(float $limit)
{
    $answer = ask('/v1/topics', null, $limit);
    if (is_wp_error($answer)) {
        return $answer;
    }
    $topics = is_array($answer['topics'] ?? null) ? $answer['topics'] : [];
    $names = array_filter(array_column($topics, 'name', 'id'), 'is_string');
    $names = array_filter(array_map(__NAMESPACE__ . '\clean_name', $names));
    if (!$names) {
        return new WP_Error('failed', __('it answered without topics: is this its address?', 'tagdesk'));
    }
    update_option(TOPICS, ['at' => time(), 'names' => $names], false);
    return $names;
}

/** Names by the ids of all topics, as last fetched; [] where they never were. */
function known_topics(): array
{
    $kept = get_option(TOPICS);
    return is_array($kept) ? $kept['names'] : [];
}

/** Of topics those that the service lists; all of them where its list was never fetched. */
function listed(array $topics): array
{
    $known = ids(known_topics());
    return array_values($known ? array_intersect($topics, $known) : $topics);
}

/** Keep the names of topics that an answer has and the list, fetched before the model was changed, has not. */
function add_to_known(array $given): void
{
    $kept = get_option(TOPICS);
    if (is_array($kept) && array_diff_key($given, $kept['names'])) {
        $kept['names'] += wp_list_pluck($given, 'name');
        update_option(TOPICS, $kept, false);
    }
}

/** A topic's name as a term may have it. */
function clean_name(string $name): string
{
    return trim(mb_substr(wp_strip_all_tags($name), 0, MAX_NAME));
}

function folded(string $name): string
{
    $text = trim(html_entity_decode($name, ENT_QUOTES | ENT_HTML5, 'UTF-8'));
    return function_exists('mb_strtolower') ? mb_strtolower($text) : strtolower($text);
}

/** The keys of an array whose keys are the ids of topics: PHP makes a number of a key "7". */
function ids(array $by_topic): array
{
    return array_map('strval', array_keys($by_topic));
}

/** The topic that a term is marked with; '' where it has no mark, or one of a topic that the service has no more. */
function marked_topic(int $term): string
{
    return (string) current(listed([get_term_meta($term, TOPIC, true)]));
}

/** The term that stands for a topic: the one marked with it, else one of its name; 0 where there is none. */
function find_term(string $topic, string $name, string $taxonomy): int
{
    $marked = get_terms(['taxonomy' => $taxonomy, 'hide_empty' => false, 'fields' => 'ids', 'number' => 1,
        'meta_key' => TOPIC, 'meta_value' => $topic]);
    if (is_array($marked) && $marked) {
        return (int) $marked[0];
    }
    $named = get_term_by('name', $name, $taxonomy);
    // A term that the newsroom lets stand for another topic does not change sides for its name.
    return $named && in_array(marked_topic($named->term_id), ['', $topic], true) ? (int) $named->term_id : 0;
}

/** The term that stands for a topic, made where there is none; 0 where it cannot be. A mark that is there stays. */
function ensure_term(string $topic, string $name, string $taxonomy): int
{
    $term = find_term($topic, $name, $taxonomy);
    if (!$term) {
        $made = wp_insert_term(wp_slash($name), $taxonomy);
        $term = is_wp_error($made) ? 0 : (int) $made['term_id'];
    }
    if ($term) {
        add_term_meta($term, TOPIC, $topic, true);
    }
    return $term;
}

/** The ids of the topics that terms stand for, by their marks or their names. */
function topics_of(array $terms, string $taxonomy): array
{
    $names = array_flip(array_map(__NAMESPACE__ . '\folded', known_topics()));
    $topics = [];
    foreach ($terms as $id) {
        $term = get_term((int) $id, $taxonomy);
        if ($term instanceof \WP_Term) {
            $topics[] = (string) (marked_topic($term->term_id) ?: $names[folded($term->name)] ?? '');
        }
    }
    return array_values(array_unique(array_filter($topics)));
}

/** The ids of a post's terms. */
function terms_on(int $post, string $taxonomy): array
{
    $terms = wp_get_object_terms($post, $taxonomy, ['fields' => 'ids']);
    return is_array($terms) ? array_map('intval', $terms) : [];
}

/** The ids of the topics whose terms a post has. */
function topics_on(int $post, string $taxonomy): array
{
    return topics_of(terms_on($post, $taxonomy), $taxonomy);
}

/** Give a post the terms of topics. */
function apply_topics(int $post, string $taxonomy, array $topics): void
{
    $terms = [];
    foreach ($topics as $id => $topic) {
        $terms[] = ensure_term((string) $id, $topic['name'], $taxonomy);
    }
    $terms = array_filter($terms);
    if (!$terms) {
        return;
    }
    $none_chosen = 'category' === $taxonomy && [(int) get_option('default_category')] === terms_on($post, $taxonomy);
    wp_set_object_terms($post, array_values($terms), $taxonomy, !$none_chosen);
    clean_post_cache($post); // page caches listen to it
}

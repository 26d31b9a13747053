<?php
/** On the page of a tag or category: the topic that it stands for. Who may edit the term may change that. */

namespace Tagdesk;

use WP_Term;

defined('ABSPATH') || exit;

const TOPIC_NONCE = 'tagdesk_topic_nonce';

function show_topic_field(WP_Term $term): void
{
    $names = known_topics();
    if ($term->taxonomy !== settings()['taxonomy'] || !$names) {
        return;
    }
    asort($names);
    $chosen = marked_topic($term->term_id);
    echo '<tr class="form-field"><th scope="row"><label for="tagdesk-topic">',
        esc_html__('Topic in Tagdesk', 'tagdesk'), '</label></th><td><select id="tagdesk-topic" name="tagdesk_topic">',
        '<option value="">', esc_html__('— the topic of the same name, if there is one —', 'tagdesk'), '</option>';
    foreach ($names as $topic => $name) {
        echo '<option value="', esc_attr($topic), '"', selected($chosen, (string) $topic, false), '>',
            esc_html($name), '</option>';
    }
    echo '</select>';
    wp_nonce_field('tagdesk_topic_' . $term->term_id, TOPIC_NONCE, false);
    echo '<p class="description">', esc_html__('Posts on this topic get this term.', 'tagdesk'), '</p></td></tr>';
}

/** Let a term stand for the chosen topic, and no other term. */
function keep_topic_field(int $term): void
{
    $nonce = sanitize_text_field(wp_unslash($_POST[TOPIC_NONCE] ?? ''));
    if (!current_user_can('edit_term', $term) || !wp_verify_nonce($nonce, 'tagdesk_topic_' . $term)) {
        return;
    }
    $topic = sanitize_text_field(wp_unslash($_POST['tagdesk_topic'] ?? ''));
    if (isset(known_topics()[$topic])) {
        $taxonomy = get_term($term)->taxonomy;
        $marked = get_terms(['taxonomy' => $taxonomy, 'hide_empty' => false, 'fields' => 'ids',
            'meta_key' => TOPIC, 'meta_value' => $topic]);
        foreach (is_array($marked) ? $marked : [] as $other) {
            delete_term_meta($other, TOPIC);
        }
        update_term_meta($term, TOPIC, $topic);
    } elseif ('' === $topic) {
        delete_term_meta($term, TOPIC);
    }
}

namespace LocalBloom.AI.Text;

/// <summary>A token that is found in text as it stands, before BPE sees it.</summary>
/// <param name="Content">The token's text, such as <c>&lt;/s&gt;</c>.</param>
/// <param name="Id">Its id.</param>
/// <param name="IsSpecial">Whether it controls the model, so that a user's text must not become one and a reply does not show it.</param>
/// <param name="IsNormalized">Whether it is looked for only in what tokens without this flag left over.</param>
internal sealed record AddedToken(string Content, int Id, bool IsSpecial, bool IsNormalized);

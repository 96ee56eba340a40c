using Microsoft.Extensions.Options;

namespace LocalBloom.AI;

/// <summary>Rules for single properties, generated from their attributes.</summary>
[OptionsValidator]
internal sealed partial class BloomChatClientOptionsValidator : IValidateOptions<BloomChatClientOptions>
{
    /// <summary>Applies every rule, for options that did not come from a service container.</summary>
    /// <exception cref="OptionsValidationException">A rule is broken; the message names each, with the value and the cure.</exception>
    public static void ThrowIfInvalid(BloomChatClientOptions options)
    {
        var results = new ValidateOptionsResultBuilder();
        results.AddResult(new BloomChatClientOptionsValidator().Validate(null, options));
        results.AddResult(new BloomOptionsCombinationValidator().Validate(null, options));

        ValidateOptionsResult result = results.Build();
        if (result.Failed)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(BloomChatClientOptions), result.Failures);
        }
    }
}
